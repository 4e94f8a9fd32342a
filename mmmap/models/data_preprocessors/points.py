"""Batches of point clouds."""

import torch
from mmengine.model import BaseDataPreprocessor
from mmpretrain.registry import MODELS

from ...ops.points import check_points


@MODELS.register_module()
class PointDataPreprocessor(BaseDataPreprocessor):
    """Stack clouds (N, 3) of a list to (B, N, 3), fp32, on the device.

    Args:
        non_blocking: Whether to copy to the device asynchronously.
        batch_augments: What mmpretrain's classifiers pass on from their
            ``train_cfg``; clouds have none.

    Raises:
        ValueError: Batch augmentations are asked for.
    """

    def __init__(
        self, non_blocking: bool = False, batch_augments: None = None
    ) -> None:
        super().__init__(non_blocking)
        if batch_augments:
            raise ValueError(
                'there are no batch augmentations of clouds: leave the '
                "classifier's train_cfg out"
            )

    def forward(self, data: dict, training: bool = False) -> dict:
        """Stack and move a batch.

        Raises:
            ValueError: Clouds of different size, or not clouds.
        """
        data = self.cast_data(data)
        inputs = data['inputs']
        if not isinstance(inputs, torch.Tensor):
            sizes = {tuple(cloud.shape) for cloud in inputs}
            if len(sizes) > 1:
                raise ValueError(
                    'the clouds of a batch must have equally many points, '
                    f'got {sorted(sizes)}; sample them in the pipeline '
                    '(SamplePoints)'
                )
            inputs = torch.stack(list(inputs))
        return {
            'inputs': check_points(inputs.float()),
            'data_samples': data.get('data_samples'),
        }
