"""Decoders, which predict the hidden tokens."""

from .masked_decoder import ATTENTION_MASKS, MaskedDecoder, attention_mask
from .point_decoder import PointDecoder

__all__ = [
    'ATTENTION_MASKS',
    'MaskedDecoder',
    'PointDecoder',
    'attention_mask',
]
