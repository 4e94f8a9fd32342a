"""Whole detectors as modules whose outputs have fixed sizes.

They compute what mmdet's ``predict`` does, from the same heads, coders and
settings; only NMS has a result of fixed size, filled up with scores of 0.

Letters: C classes, H W pixels, h w of a map, N boxes, K kept ones, S edge of a
mask.
"""

from collections.abc import Sequence

import torch
from mmdet.models import (
    FasterRCNN,
    FCNMaskHead,
    MaskRCNN,
    RetinaNet,
    StandardRoIHead,
)
from mmdet.models.task_modules import DeltaXYWHBBoxCoder
from torch import Tensor, nn
from torchvision.ops import roi_align

from ..errors import InputError
from .nms_op import nms_padded


def detector_part(model: nn.Module) -> tuple[nn.Module, list[str]]:
    """The module to export of a detector, and the names of its outputs.

    Its inputs are ``images`` (1, channels, H, W) and ``shape`` (2,), fp32,
    height and width of the image without padding. Its outputs are ``boxes``
    (K, 4), ``scores`` (K,), ``labels`` (K,) and, of Mask R-CNN, ``masks``
    (K, S, S), probabilities within each box.

    Args:
        model: RetinaNet, Faster R-CNN or Mask R-CNN.

    Raises:
        InputError: Another detector, or settings that are not supported.
    """
    names = ['boxes', 'scores', 'labels']
    if type(model) is RetinaNet:
        _refuse_other(model.bbox_head, model.bbox_head.test_cfg)
        if not model.bbox_head.use_sigmoid_cls:
            raise InputError(
                'a RetinaNet with softmax scores cannot be exported as a '
                'whole; export its backbone: --part backbone'
            )
        return OneStage(model), names
    if type(model) not in (FasterRCNN, MaskRCNN) or (
        type(model.roi_head) is not StandardRoIHead
    ):
        raise InputError(
            f'a {type(model).__name__} cannot be exported as a whole; '
            'RetinaNet, Faster R-CNN and Mask R-CNN can. Export its '
            'backbone: --part backbone'
        )
    _refuse_other(model.rpn_head, model.test_cfg.rpn)
    _refuse_other(model.roi_head.bbox_head, model.test_cfg.rcnn)
    with_mask = model.roi_head.with_mask
    if with_mask and not isinstance(model.roi_head.mask_head, FCNMaskHead):
        raise InputError(
            f'the mask head {type(model.roi_head.mask_head).__name__} cannot '
            'be exported, FCNMaskHead can; export the backbone: --part '
            'backbone'
        )
    return TwoStage(model), names + (['masks'] if with_mask else [])


def _refuse_other(head: nn.Module, settings) -> None:
    coder = type(head.bbox_coder).__name__
    kind = settings.nms.get('type')
    if type(head.bbox_coder) is not DeltaXYWHBBoxCoder or kind != 'nms':
        raise InputError(
            f'{type(head).__name__} with {coder} and {kind} cannot be '
            'exported, DeltaXYWHBBoxCoder with nms can; export the backbone: '
            '--part backbone'
        )


class OneStage(nn.Module):
    """RetinaNet: scores at each anchor, decoded and suppressed."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, shape: Tensor) -> tuple[Tensor, ...]:
        """See :func:`detector_part`."""
        head = self.model.bbox_head
        settings = head.test_cfg
        maps = head(self.model.extract_feat(images))
        priors = _priors(head, maps[0])
        boxes, scores, labels = [], [], []
        for prior, score, delta in zip(priors, *maps):
            score = _rows(score, head.cls_out_channels).sigmoid().flatten()
            score = _where(score, score > settings.score_thr)
            best, index = _best(score, settings.nms_pre)
            anchor = index // head.cls_out_channels
            box = head.bbox_coder.decode(
                prior[anchor], _rows(delta, 4)[anchor]
            )
            box = clamped(box, shape)
            boxes.append(box)
            scores.append(_where(best, _has_area(box, settings)))
            labels.append(index % head.cls_out_channels)
        return _kept(
            torch.cat(boxes), torch.cat(scores), torch.cat(labels), settings
        )


class TwoStage(nn.Module):
    """Faster R-CNN and Mask R-CNN: proposals, then their boxes and masks."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, shape: Tensor) -> tuple[Tensor, ...]:
        """See :func:`detector_part`."""
        features = self.model.extract_feat(images)
        proposals, valid = self._proposals(features, shape)
        boxes, scores, labels = self._boxes(features, proposals, valid, shape)
        if not self.model.roi_head.with_mask:
            return boxes, scores, labels
        return boxes, scores, labels, self._masks(features, boxes, labels)

    def _proposals(self, features, shape: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (K, 4), and which of them are valid."""
        head, settings = self.model.rpn_head, self.model.test_cfg.rpn
        maps = head(features)
        boxes, scores, levels = [], [], []
        for level, (prior, score, delta) in enumerate(
            zip(_priors(head, maps[0]), *maps)
        ):
            score = _rows(score, head.cls_out_channels)
            if head.use_sigmoid_cls:
                score = score.sigmoid().flatten()
            else:
                score = score.softmax(-1)[:, 0]
            best, index = _best(score, settings.nms_pre)
            box = head.bbox_coder.decode(prior[index], _rows(delta, 4)[index])
            box = clamped(box, shape)
            boxes.append(box)
            scores.append(_where(best, _has_area(box, settings)))
            levels.append(torch.full_like(index, level))
        kept, best, _ = _kept(
            torch.cat(boxes), torch.cat(scores), torch.cat(levels), settings
        )
        return kept, best > 0

    def _boxes(self, features, proposals: Tensor, valid: Tensor, shape):
        roi = self.model.roi_head
        head, settings = roi.bbox_head, self.model.test_cfg.rcnn
        taken = _extracted(roi.bbox_roi_extractor, features, proposals)
        scores, deltas = head(taken)
        number = head.num_classes
        scores = scores.softmax(-1)[:, :number]
        scores = _where(scores, (scores > settings.score_thr) & valid[:, None])
        each = 1 if head.reg_class_agnostic else number
        boxes = head.bbox_coder.decode(
            proposals.repeat_interleave(each, 0), deltas.reshape(-1, 4)
        )
        boxes = clamped(boxes, shape).view(-1, each, 4)
        boxes = boxes.expand(-1, number, 4).reshape(-1, 4)
        labels = torch.arange(number, device=boxes.device)
        labels = labels.expand(len(proposals), number).reshape(-1)
        return _kept(boxes, scores.reshape(-1), labels, settings)

    def _masks(self, features, boxes: Tensor, labels: Tensor) -> Tensor:
        roi = self.model.roi_head
        extractor = roi.mask_roi_extractor or roi.bbox_roi_extractor
        masks = roi.mask_head(_extracted(extractor, features, boxes)).sigmoid()
        if roi.mask_head.class_agnostic:
            return masks[:, 0]
        index = labels.view(-1, 1, 1, 1).expand(-1, 1, *masks.shape[2:])
        return masks.gather(1, index)[:, 0]


def _rows(maps: Tensor, number: int) -> Tensor:
    """(1, anchors * number, h, w) -> (h * w * anchors, number)."""
    return maps[0].permute(1, 2, 0).reshape(-1, number)


def _where(scores: Tensor, condition: Tensor) -> Tensor:
    """Scores; 0 for what is not a candidate."""
    return torch.where(condition, scores, torch.zeros_like(scores))


def _best(scores: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """The best ``number`` scores and their indices; 0 if there are fewer.

    A map may be smaller than ``number``, and need not be known in advance.
    """
    filled = torch.cat([scores, scores.new_zeros(number)])
    best, index = filled.topk(number)
    return best, index.clamp(max=scores.shape[0] - 1)


def _priors(head: nn.Module, maps: Sequence[Tensor]) -> list[Tensor]:
    sizes = [one.shape[-2:] for one in maps]
    return head.prior_generator.grid_priors(sizes, device=maps[0].device)


def clamped(boxes: Tensor, shape: Tensor) -> Tensor:
    """Boxes (N, 4) within an image of a shape (2,), height and width."""
    limit = shape.flip(0).repeat(2)
    return torch.minimum(boxes.clamp(min=0), limit)


def _has_area(boxes: Tensor, settings) -> Tensor:
    if settings.get('min_bbox_size', -1) < 0:
        return torch.ones_like(boxes[:, 0], dtype=torch.bool)
    size = boxes[:, 2:] - boxes[:, :2]
    return (size > settings.min_bbox_size).all(-1)


def _kept(
    boxes: Tensor, scores: Tensor, labels: Tensor, settings
) -> tuple[Tensor, Tensor, Tensor]:
    """The best boxes of each label: K of them, with scores 0 at the end."""
    # Labels are moved apart, so that one NMS serves all.
    apart = labels.to(boxes)[:, None] * (boxes.max() + 1)
    number = settings.max_per_img
    index = nms_padded(
        boxes + apart, scores, settings.nms.iou_threshold, number
    )
    there = index >= 0
    index = index.clamp(min=0)
    return boxes[index], _where(scores[index], there), labels[index]


def _extracted(extractor, features, boxes: Tensor) -> Tensor:
    """Features (N, channels, S, S) of boxes, each from the map of its size."""
    rois = torch.cat([torch.zeros_like(boxes[:, :1]), boxes], 1)
    used = features[: extractor.num_inputs]
    levels = extractor.map_roi_levels(rois, len(used)).view(-1, 1, 1, 1)
    found = None
    for level, (one, layer) in enumerate(zip(used, extractor.roi_layers)):
        taken = roi_align(
            one,
            rois,
            layer.output_size,
            layer.spatial_scale,
            layer.sampling_ratio,
            layer.aligned,
        )
        found = (
            taken
            if found is None
            else torch.where(levels == level, taken, found)
        )
    return found
