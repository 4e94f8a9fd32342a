"""Batches of point clouds."""

import torch
from mmengine.model import BaseDataPreprocessor
from mmpretrain.registry import MODELS

from ...errors import InputError
from ...ops.points import check_points


@MODELS.register_module()
class PointDataPreprocessor(BaseDataPreprocessor):
    """Stack a list of clouds (N, 3) to (B, N, 3), fp32, on the device.

    Args:
        non_blocking: Whether to copy to the device asynchronously.
        batch_augments: Passed on by mmpretrain's classifiers from their
            ``train_cfg``; must be None for clouds.

    Raises:
        InputError: ``batch_augments`` is given.
    """

    def __init__(
        self, non_blocking: bool = False, batch_augments: None = None
    ) -> None:
        super().__init__(non_blocking)
        if batch_augments:
            raise InputError(
                'there are no batch augmentations of clouds: leave the '
                "classifier's train_cfg out"
            )

    def forward(self, data: dict, training: bool = False) -> dict:
        """Stack and move a batch.

        Raises:
            InputError: Clouds of different size, or not clouds.
        """
        data = self.cast_data(data)
        inputs, samples = data['inputs'], data.get('data_samples')
        if not isinstance(inputs, torch.Tensor):
            sizes = {tuple(cloud.shape) for cloud in inputs}
            if len(sizes) > 1:
                raise InputError(
                    'the clouds of a batch must have equally many points, '
                    f'got {sorted(sizes)}; sample them in the pipeline '
                    f'(SamplePoints){_named(samples)}'
                )
            inputs = torch.stack(list(inputs))
        try:
            inputs = check_points(inputs.float())
        except ValueError as error:
            raise InputError(f'{error}{_named(samples)}') from error
        return {'inputs': inputs, 'data_samples': samples}


def _named(samples: list | None) -> str:
    """Names of the clouds in a batch, as far as its samples have them."""
    names = [
        f'{s.get("path", "")} {s.get("sample_idx", "")}'.strip()
        for s in samples or ()
        if hasattr(s, 'metainfo')
    ]
    return f'; its samples are {", ".join(names)}' if any(names) else ''
