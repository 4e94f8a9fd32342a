"""Convolutional parts of hierarchical backbones.

Letters: B batch, C channels, H W rows and columns of a map.
"""

from torch import Tensor, nn

from .drop_path import DropPath


class ConvStem(nn.Sequential):
    """Two convolutions from an image to a map of stride 4.

    Sizes are rounded up if the image is not a multiple of 4.

    Args:
        in_channels: Channels of the image.
        hidden_dims: Channels between the convolutions.
        dims: Channels of the map.
    """

    def __init__(self, in_channels: int, hidden_dims: int, dims: int) -> None:
        layers = []
        for before, after in ((in_channels, hidden_dims), (hidden_dims, dims)):
            layers += [
                Downsample(before, after),
                nn.BatchNorm2d(after, eps=1e-4),
                nn.ReLU(),
            ]
        super().__init__(*layers)


class ConvBlock(nn.Module):
    """Two convolutions with a residual: (B, C, H, W) -> the same.

    Args:
        dims: C.
        drop_path: Rate of dropping the branch.
    """

    def __init__(self, dims: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(dims, dims, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(dims)
        self.act = nn.GELU(approximate='tanh')
        self.conv2 = nn.Conv2d(dims, dims, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(dims)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        branch = self.act(self.norm1(self.conv1(x)))
        return x + self.drop_path(self.norm2(self.conv2(branch)))


class Downsample(nn.Conv2d):
    """Halve a map: (B, C, H, W) -> (B, C', ceil(H/2), ceil(W/2)).

    Args:
        in_channels: C.
        out_channels: C'.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            in_channels, out_channels, 3, stride=2, padding=1, bias=False
        )
