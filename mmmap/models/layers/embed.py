"""Images to patches and back.

Letters: B batch, H W pixels, P patch edge, h w token grid, C channels.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import InputError


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images into patches, pixels row by row, channels last.

    Args:
        images: (B, 3, H, W), H and W multiples of the patch size.
        patch_size: P.

    Returns:
        (B, h*w, P*P*3).

    Raises:
        ValueError: H or W is not a multiple of the patch size.
    """
    B, channels, H, W = images.shape
    P = patch_size
    if H % P or W % P:
        raise InputError(
            f'images of {H}x{W} cannot be cut into {P}x{P} patches; '
            'resize or crop them to a multiple of the patch size'
        )
    patches = images.reshape(B, channels, H // P, P, W // P, P)
    return patches.permute(0, 2, 4, 3, 5, 1).reshape(
        B, (H // P) * (W // P), P * P * channels
    )


def unpatchify(
    patches: Tensor, patch_size: int, grid: tuple[int, int]
) -> Tensor:
    """Undo ``patchify``: (B, h*w, P*P*c) -> (B, c, H, W)."""
    (h, w), P = grid, patch_size
    B = patches.shape[0]
    images = patches.reshape(B, h, w, P, P, -1)
    return images.permute(0, 5, 1, 3, 2, 4).reshape(B, -1, h * P, w * P)


class PatchEmbed(nn.Module):
    """Project each patch to a token; images are padded to whole patches.

    Padding is zeros to the right and below.

    Args:
        dims: Channels of a token.
        patch_size: Patch edge in pixels.
        in_channels: Channels of the image.
    """

    def __init__(
        self, dims: int, patch_size: int, in_channels: int = 3
    ) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.proj = nn.Conv2d(in_channels, dims, patch_size, patch_size)

    def grid(self, images: Tensor) -> tuple[int, int]:
        """Token grid of images (B, 3, H, W).

        Raises:
            ValueError: The shape is another, or smaller than a patch.
        """
        channels = self.proj.in_channels
        if images.dim() != 4 or images.shape[1] != channels:
            raise ValueError(
                f'images must be (B, {channels}, H, W), got '
                f'{tuple(images.shape)}'
            )
        H, W = images.shape[-2:]
        P = self.patch_size
        if min(H, W) < P:
            raise InputError(
                f'the image is {H}x{W}, smaller than a {P}x{P} patch; '
                'resize it'
            )
        # Positive throughout: ONNX divides towards zero.
        return (H + P - 1) // P, (W + P - 1) // P

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, h*w, C), raster order.

        Raises:
            ValueError: The image is smaller than a patch.
        """
        (h, w), P = self.grid(images), self.patch_size
        H, W = images.shape[-2:]
        images = F.pad(images, (0, w * P - W, 0, h * P - H))
        return self.proj(images).flatten(2).transpose(1, 2)
