"""The part of a model to export: images in, tensors out.

Letters: B batch, H W pixels, C channels, h w rows and columns of a map.
"""

from mmpretrain.models import ImageClassifier
from torch import Tensor, nn

from ..errors import InputError
from ..models.backbones import Backbone

PARTS = ('model', 'backbone')


class _Segmentor(nn.Module):
    """Class scores at each pixel of the images."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, classes, H, W)."""
        metas = [dict(img_shape=images.shape[2:])]
        return self.model.encode_decode(images, metas)


def part_of(
    model: nn.Module, part: str = 'model'
) -> tuple[nn.Module, list[str]]:
    """Return the module to export, and the names of its outputs.

    Args:
        model: A model of mmpretrain, mmseg or mmdet.
        part: ``'model'``: ``logits`` of a classifier, (B, classes), or of a
            segmentor, (B, classes, H, W), or what
            :func:`~.detectors.detector_part` returns; or ``'backbone'``: maps
            ``features_0`` and so on, (B, C, h, w), one for each of its
            ``out_indices``.

    Raises:
        InputError: ONNX cannot represent the part.
    """
    backbone = getattr(model, 'backbone', None)
    if not isinstance(backbone, Backbone):
        raise InputError(
            f'a {type(model).__name__} with the backbone '
            f'{type(backbone).__name__} cannot be exported; models of images '
            'with HybridNet or MambaVision can'
        )
    if part == 'backbone':
        return backbone, [f'features_{i}' for i in backbone.out_indices]
    if isinstance(model, ImageClassifier) and model.with_head:
        return model, ['logits']
    if hasattr(model, 'encode_decode'):
        return _Segmentor(model), ['logits']
    if hasattr(model, 'roi_head') or hasattr(model, 'bbox_head'):
        from .detectors import detector_part

        return detector_part(model)
    raise InputError(
        f'a {type(model).__name__} cannot be exported as a whole: '
        'classifiers, segmentors and some detectors can; export its backbone: '
        '--part backbone'
    )
