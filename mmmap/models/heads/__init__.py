"""What is guessed, and how wrong the guess is."""

from .pixel_head import PixelHead
from .pixel_target import PixelTarget

__all__ = ['PixelHead', 'PixelTarget']
