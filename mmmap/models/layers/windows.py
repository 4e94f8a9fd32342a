"""Cutting maps into windows, and back.

Letters: B batch, C channels, H W rows and columns, S edge of a window, n
windows of one map.
"""

from torch import Tensor
from torch.nn import functional as F


def is_known(grid: tuple[int, int]) -> bool:
    """Whether h and w are numbers, not the symbols of a dynamic export."""
    return all(isinstance(edge, int) for edge in grid)


def to_windows(x: Tensor, size: int) -> Tensor:
    """Return the tokens of each window; the map is padded to whole windows.

    Padding is zeros to the right and below.

    Args:
        x: (B, C, H, W).
        size: S.

    Returns:
        (B*n, S*S, C), windows and tokens in raster order.
    """
    H, W = x.shape[-2:]
    x = F.pad(x, (0, -W % size, 0, -H % size))
    x = x.unflatten(3, (-1, size)).unflatten(2, (-1, size))
    # (B, C, rows, S, columns, S) -> (B, rows, columns, S, S, C)
    return x.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(0, 2)


def from_windows(windows: Tensor, size: int, shape: tuple[int, int]) -> Tensor:
    """Undo ``to_windows`` and remove the padding.

    Args:
        windows: (B*n, S*S, C).
        size: S.
        shape: H and W before the padding.

    Returns:
        (B, C, H, W).
    """
    H, W = shape
    # Positive throughout: ONNX divides towards zero.
    rows, columns = (H + size - 1) // size, (W + size - 1) // size
    x = windows.unflatten(1, (size, size))
    x = x.unflatten(0, (-1, rows, columns)).permute(0, 5, 1, 3, 2, 4)
    x = x.flatten(4, 5).flatten(2, 3)
    return x[..., :H, :W].contiguous()
