"""Checks of the arguments of operators on points.

Letters: B batch, N points.
"""

from numbers import Integral

import torch
from torch import Tensor

# Squares of differences of larger coordinates are not finite in fp32.
LARGEST = 1e18


def check_points(points: Tensor, name: str = 'points') -> Tensor:
    """Check clouds, and return them as fp32 (or fp64).

    This waits for a GPU once.

    Args:
        points: (B, N, 3), real, with at least one point per cloud.
        name: Name of the argument, for messages.

    Raises:
        TypeError: Not a tensor.
        ValueError: Another shape or type, an empty cloud, or a coordinate
            that is NaN, infinite or larger than 1e18.
    """
    if not isinstance(points, Tensor):
        raise TypeError(
            f'{name} must be a torch.Tensor, got {type(points).__name__}; '
            'convert it with torch.as_tensor'
        )
    if points.dim() != 3 or points.shape[-1] != 3:
        raise ValueError(
            f'{name} must be clouds (B, N, 3) of coordinates x, y, z, got '
            f'{tuple(points.shape)}; remove other columns'
        )
    if not points.is_floating_point():
        raise ValueError(
            f'{name} must hold floating-point numbers, got {points.dtype}'
        )
    if 0 in points.shape:
        raise ValueError(
            f'{name} holds no points, its shape is {tuple(points.shape)}; '
            'remove empty clouds'
        )
    if not points.detach().abs().amax() <= LARGEST:
        _complain(points.detach(), name)
    return points if points.dtype == torch.float64 else points.float()


def _complain(points: Tensor, name: str) -> None:
    wrong = ~(points.abs() <= LARGEST).all(-1)  # (B, N)
    sample, point = wrong.nonzero()[0].tolist()
    raise ValueError(
        f'{name} has coordinates that are NaN, infinite or larger than '
        f'{LARGEST:g}: {int(wrong.sum())} points, the first is point {point} '
        f'of sample {sample}, {points[sample, point].tolist()}; fix or drop '
        'the sample'
    )


def check_count(what: str, wanted: int, there: int) -> None:
    """Check that a number of points can be taken from a cloud.

    Raises:
        TypeError: It is not a whole number.
        ValueError: It is less than one, or more than there are.
    """
    if not isinstance(wanted, Integral):
        raise TypeError(f'{what} must be a whole number, got {wanted!r}')
    if wanted < 1:
        raise ValueError(f'{what} must be at least 1, got {wanted}')
    if wanted > there:
        raise ValueError(
            f'{what} is {wanted}, but a cloud has {there} points; take fewer '
            'or give more points'
        )


def check_same_batch(points: Tensor, queries: Tensor) -> None:
    """Check that two batches of clouds match.

    Raises:
        ValueError: Their batch size, dtype or device differ.
    """
    kinds = [(x.shape[0], x.dtype, x.device) for x in (points, queries)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            'both batches of clouds must agree in batch, type and device, got '
            f'{tuple(map(str, kinds[0]))} and {tuple(map(str, kinds[1]))}'
        )
