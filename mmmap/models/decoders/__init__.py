"""What guesses the hidden tokens."""

from .masked_decoder import ATTENTION_MASKS, MaskedDecoder, attention_mask

__all__ = ['ATTENTION_MASKS', 'MaskedDecoder', 'attention_mask']
