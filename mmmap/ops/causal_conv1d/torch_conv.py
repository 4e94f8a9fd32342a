"""torch's own grouped convolution."""

from torch import Tensor
from torch.nn import functional as F

from ..autocast import no_autocast


def apply(
    x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, reverse: bool
) -> Tensor:
    """(B, D, L) -> (B, D, L), with zeros before the first token."""
    (channels, width), length = weight.shape, x.shape[-1]
    # In reverse the filter is mirrored and x padded at its end, not flipped.
    taps = weight.flip(-1) if reverse else weight
    with no_autocast(x.device.type):
        y = F.conv1d(
            x.to(weight.dtype),
            taps.unsqueeze(1),
            bias,
            padding=width - 1,
            groups=channels,
        )
    y = y[..., width - 1 :] if reverse else y[..., :length]
    return (F.silu(y) if silu else y).to(x.dtype)
