"""Means and standard deviations of any number of channels.

mmengine's ImgDataPreprocessor, and so mmdet's and that of mmpretrain's
pretraining, supports only 1 or 3 channels.
"""

from collections.abc import Sequence
from functools import wraps

import torch
from mmengine.model import ImgDataPreprocessor

from ..errors import InputError
from ..wording import counted

_build = ImgDataPreprocessor.__init__


@wraps(_build)
def _build_with_any(
    self,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    *args,
    **kwargs,
) -> None:
    other = mean is not None and len(mean) not in (1, 3)
    if not other:
        _build(self, mean, std, *args, **kwargs)
        return
    if std is None or len(std) != len(mean):
        raise InputError(
            f'mean has {counted(len(mean), "value")}, std is {std}: give both '
            'one value for each channel of the image'
        )
    _build(self, mean[:1], std[:1], *args, **kwargs)
    if self._channel_conversion:
        raise InputError(
            'bgr_to_rgb and rgb_to_bgr are for images of 3 channels, but mean '
            f'has {counted(len(mean), "value")}: set them to False'
        )
    for name, values in dict(mean=mean, std=std).items():
        self.register_buffer(name, torch.tensor(values).view(-1, 1, 1), False)


ImgDataPreprocessor.__init__ = _build_with_any
