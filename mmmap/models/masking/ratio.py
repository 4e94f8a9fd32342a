"""How many tokens are hidden."""

import math

import torch

from ...errors import InputError


class MaskRatio:
    """A fixed ratio, or one drawn for each batch.

    Args:
        ratio: The share of tokens that is hidden, or the keys ``mean``,
            ``std``, ``low``, ``high`` of a truncated normal distribution
            (the published MAP code: 0.5, 0.25, 0.3, 0.7).

    Raises:
        InputError: A ratio outside (0, 1), or an invalid distribution.
    """

    def __init__(self, ratio: float | dict[str, float]) -> None:
        if isinstance(ratio, dict):
            wanted = {'mean', 'std', 'low', 'high'}
            if set(ratio) != wanted:
                raise InputError(
                    f'a drawn mask ratio needs {sorted(wanted)}, '
                    f'got {sorted(ratio)}'
                )
            _check_drawn(**ratio)
        elif not _is_number(ratio) or not 0 < ratio < 1:
            raise InputError(
                f'mask ratio must lie between 0 and 1, both excluded, '
                f"got {ratio!r}; to hide nothing, use type='NoMasking'"
            )
        self.ratio = ratio

    def draw(self) -> float:
        """The ratio of this batch, from torch's global random state."""
        if not isinstance(self.ratio, dict):
            return self.ratio
        value = torch.nn.init.trunc_normal_(
            torch.empty(1),
            self.ratio['mean'],
            self.ratio['std'],
            self.ratio['low'],
            self.ratio['high'],
        )
        return value.item()

    def hidden(self, length: int) -> int:
        """How many of ``length`` tokens to hide.

        Raises:
            InputError: No token would be hidden, or none visible.
        """
        ratio = self.draw()
        hidden = round(length * ratio)
        if not 0 < hidden < length:
            raise InputError(
                f'a mask ratio of {ratio:g} hides {hidden} of {length} '
                'tokens; at least one must be hidden and one visible. '
                'Use larger images or another ratio'
            )
        return hidden

    def __repr__(self) -> str:
        return f'{self.ratio}'


def _is_number(value: object) -> bool:
    whole_or_real = isinstance(value, int | float)
    return whole_or_real and math.isfinite(value)


def _check_drawn(mean: float, std: float, low: float, high: float) -> None:
    """Check a distribution; torch would silently draw from another one."""
    got = f'mean={mean!r}, std={std!r}, low={low!r}, high={high!r}'
    if not all(map(_is_number, (mean, std, low, high))):
        raise InputError(f'a drawn mask ratio needs numbers, got {got}')
    if not 0 < low < high < 1:
        raise InputError(
            'low and high of a drawn mask ratio must ascend between 0 and 1, '
            f'both excluded, got {got}; for a fixed ratio give one number'
        )
    if not low <= mean <= high:
        raise InputError(
            'the mean of a drawn mask ratio must lie between low and high, '
            f'got {got}'
        )
    if std <= 0:
        raise InputError(
            f'the std of a drawn mask ratio must be positive, got {got}; for '
            'a fixed ratio give one number'
        )
