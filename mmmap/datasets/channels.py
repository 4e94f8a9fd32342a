"""Images of any number of channels and bits, for all three libraries."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from ..errors import InputError
from .image_files import prepared_channels, read_channels


@TRANSFORMS.register_module()
class LoadImageChannels(BaseTransform):
    """Load all channels and bits of an image, as fp32.

    The channels have the order of the file, except that the first three are
    reversed: blue, green and red, as all other steps and pictures expect.
    Values that are not finite become 0.

    Required key: ``img_path``. Added: ``img``, (H, W, C), ``img_shape`` and
    ``ori_shape``.

    Args:
        channels: C.
        dtype: The type of the files, such as ``'uint16'``. A model trained on
            16 bits predicts nonsense on 8.
    """

    def __init__(self, channels: int, dtype: str) -> None:
        self.channels, self.dtype = channels, dtype

    def transform(self, results: dict) -> dict:
        """Load the image.

        Raises:
            InputError: It cannot be decoded, or is of another kind.
        """
        path = results['img_path']
        try:
            image = read_channels(path)
        except (ValueError, SyntaxError) as error:
            raise InputError(f'{path} cannot be decoded: {error}') from error
        image = self.prepared(image, path)
        size = image.shape[:2]
        return {**results, 'img': image, 'img_shape': size, 'ori_shape': size}

    def prepared(self, image: np.ndarray, name: str) -> np.ndarray:
        """Pixels (H, W, C), in the order of the file, as they are loaded.

        Raises:
            InputError: They are of another kind.
        """
        return prepared_channels(image, self.channels, self.dtype, name)

    def __repr__(self) -> str:
        return f'LoadImageChannels({self.channels}, {self.dtype!r})'
