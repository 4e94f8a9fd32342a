"""What is guessed, and how wrong the guess is."""

from .diffusion_head import DiffusionHead
from .pixel_head import PixelHead
from .pixel_target import PixelTarget

__all__ = ['DiffusionHead', 'PixelHead', 'PixelTarget']
