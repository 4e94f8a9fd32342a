"""How the images of a run are read: as 8-bit colour, or completely."""

from collections import Counter
from typing import Any

import numpy as np

from ..datasets.image_files import as_file, read_channels
from ..errors import InputError
from .images import Images

WAYS = ('colour', 'channels')
_SEEN = 64  # images whose values are looked at
_PIXELS = 20_000  # of each
_COLOURS = (1, 3)  # channels that 8-bit colour is made of


def way_of(images: Images, given: str | None) -> tuple[str, str]:
    """One of ``WAYS``, and the reason.

    Args:
        images: Of the folder.
        given: What the command line says.

    Raises:
        InputError: They cannot be read alike.
    """
    deep = [h for h in images.headers if not h.colour]
    kinds = Counter(f'{h.channels} x {h.dtype}' for h in images.headers)
    counts = ', '.join(f'{n:,} of {kind}' for kind, n in kinds.most_common())
    if not deep and given != 'channels':
        return 'colour', 'red, green and blue of 8 bits'
    if given != 'colour' and len(kinds) == 1:
        return 'channels', f'all images have {next(iter(kinds))}'
    if given != 'colour' and len(kinds) > 1 and not _shrinkable(deep):
        raise InputError(
            f'the images in {images.folder} differ in channels x type '
            f'({counts}), and a model takes only one kind; put each kind '
            'into its own folder'
        )
    if given == 'channels' or not _shrinkable(deep):
        raise InputError(
            f'--reading {given}: images with channels x type {counts} cannot '
            f'be read in this way; use the other of {" and ".join(WAYS)}'
        )
    return 'colour', f'only the upper 8 bits: channels x type are {counts}'


def _shrinkable(headers) -> bool:
    return all(
        h.channels in _COLOURS and h.dtype in ('uint8', 'uint16')
        for h in headers
    )


def statistics(images: Images) -> dict[str, Any]:
    """Kind, ``mean`` and ``std`` of images that are read with all channels.

    Of three channels in the order red, green, blue; of others in that in
    which :class:`~mmmap.datasets.channels.LoadImageChannels` has them.

    Raises:
        InputError: An image cannot be decoded.
    """
    step = -(-len(images.names) // _SEEN)
    seen = [_pixels(images.folder / n) for n in images.names[::step]]
    values = np.concatenate(seen)
    if values.shape[1] != 3:
        values = as_file(values)
    values = np.where(np.isfinite(values), values, np.nan)
    with np.errstate(all='ignore'):
        mean, std = np.nanmean(values, 0), np.nanstd(values, 0)
    std = np.where(std > 0, std, 1)
    header = images.headers[0]
    return dict(
        channels=header.channels,
        dtype=header.dtype,
        mean=[float(f'{v:.6g}') for v in np.nan_to_num(mean)],
        std=[float(f'{v:.6g}') for v in np.nan_to_num(std, nan=1)],
    )


def _pixels(path) -> np.ndarray:
    """Some of the pixels of an image, (N, C)."""
    try:
        image = read_channels(path)
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f'{path} cannot be decoded: {error}') from error
    flat = image.reshape(-1, image.shape[-1])
    return flat[:: -(-len(flat) // _PIXELS)].astype(np.float64)
