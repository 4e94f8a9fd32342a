"""Batches of point clouds."""

import torch
from mmengine.model import BaseDataPreprocessor
from mmpretrain.registry import MODELS

from ...errors import InputError
from ...ops.points import check_points


@MODELS.register_module()
class PointDataPreprocessor(BaseDataPreprocessor):
    """Stack clouds (N, 3) of a list to (B, N, 3), fp32, on the device.

    Args:
        non_blocking: Whether to copy to the device asynchronously.
        batch_augments: What mmpretrain's classifiers pass on from their
            ``train_cfg``; clouds have none.

    Raises:
        InputError: Batch augmentations are asked for.
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
    """Which clouds a batch has, as far as its samples tell."""
    names = [
        f'{s.get("path", "")} {s.get("sample_idx", "")}'.strip()
        for s in samples or ()
        if hasattr(s, 'metainfo')
    ]
    return f'; its samples are {", ".join(names)}' if any(names) else ''
