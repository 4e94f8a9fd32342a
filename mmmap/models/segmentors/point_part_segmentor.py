"""Part segmentation of shapes whose category is known.

Letters: B batch, N points, K parts.
"""

import torch
from mmengine.model import BaseModel
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError

MODES = ('loss', 'predict', 'tensor')


@MODELS.register_module()
class PointPartSegmentor(BaseModel):
    """A backbone on points and a head that predicts parts.

    Args:
        backbone: A ``HybridNetPoints`` with ``out_type='raw'``.
        head: For example ``PointPartHead``.
        data_preprocessor: For example ``PointDataPreprocessor``.
        init_cfg: mmengine's.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        head: dict | nn.Module,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if isinstance(data_preprocessor, dict):
            data_preprocessor = MODELS.build(data_preprocessor)
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.head = MODELS.build(head)

    def forward(
        self, inputs: Tensor, data_samples: list, mode: str = 'tensor'
    ):
        """Segment clouds (B, N, 3) of known category.

        Args:
            inputs: (B, N, 3).
            data_samples: With ``gt_label``, the category; ``gt_part`` for the
                loss.
            mode: ``'tensor'`` gives scores (B, K, N), ``'loss'`` a dict,
                ``'predict'`` the samples with ``pred_part`` (N,), limited to
                the ``parts`` of its category if a sample has them.

        Raises:
            InputError: An unknown mode.
        """
        if mode not in MODES:
            raise InputError(f'mode must be one of {MODES}, got {mode!r}')
        scores = self._scores(inputs, data_samples)
        if mode == 'tensor':
            return scores
        if mode == 'predict':
            return _predicted(scores, data_samples)
        parts = torch.stack([s.gt_part for s in data_samples])
        accuracy = 100 * (scores.argmax(1) == parts).float().mean()
        # mmengine logs it but adds only names with "loss" to the loss.
        return dict(loss=self.head.loss(scores, parts), accuracy=accuracy)

    def _scores(self, inputs: Tensor, data_samples: list) -> Tensor:
        groups = self.backbone.units(inputs)
        feats = self.backbone(groups)
        category = torch.cat([s.gt_label for s in data_samples])
        return self.head(inputs, groups.centers, feats, category)


def _predicted(scores: Tensor, data_samples: list) -> list:
    for score, sample in zip(scores, data_samples):
        parts = sample.get('parts')
        if parts is None:
            parts = range(len(score))
        parts = torch.tensor(tuple(parts), device=score.device)
        sample.pred_part = parts[score[parts].argmax(0)]
    return data_samples
