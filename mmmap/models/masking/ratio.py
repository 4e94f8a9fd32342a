"""How much is hidden."""

import torch


class MaskRatio:
    """A fixed ratio, or one drawn for each batch.

    Args:
        ratio: The part of the tokens that is hidden, or the keys ``mean``,
            ``std``, ``low``, ``high`` of a truncated normal distribution
            (the published MAP code: 0.5, 0.25, 0.3, 0.7).

    Raises:
        ValueError: A ratio outside (0, 1).
    """

    def __init__(self, ratio: float | dict[str, float]) -> None:
        if isinstance(ratio, dict):
            wanted = {'mean', 'std', 'low', 'high'}
            if set(ratio) != wanted:
                raise ValueError(
                    f'a drawn mask ratio needs {sorted(wanted)}, '
                    f'got {sorted(ratio)}'
                )
            bounds = (ratio['low'], ratio['high'])
        else:
            bounds = (ratio, ratio)
        numbers = all(isinstance(bound, int | float) for bound in bounds)
        if not numbers or not 0 < bounds[0] <= bounds[1] < 1:
            raise ValueError(
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
            ValueError: Nothing would be hidden, or nothing left.
        """
        ratio = self.draw()
        hidden = round(length * ratio)
        if not 0 < hidden < length:
            raise ValueError(
                f'a mask ratio of {ratio:g} hides {hidden} of {length} '
                'tokens; at least one must be hidden and one visible. '
                'Use larger images or another ratio'
            )
        return hidden

    def __repr__(self) -> str:
        return f'{self.ratio}'
