"""Small helpers for messages."""

from collections.abc import Iterable


def counted(number: int, one: str, many: str = '') -> str:
    """A number and what it counts, in the singular or the plural.

    Args:
        number: How many.
        one: The singular, perhaps with its verb: ``'image is'``.
        many: The plural, e.g. ``'images are'``; by default ``one`` and an s.
    """
    return f'{number:,} {one if number == 1 else many or f"{one}s"}'


def some_of(names: Iterable, most: int = 5) -> str:
    """The first names of a list, and how many more there are."""
    names = list(map(str, names))
    rest = len(names) - most
    more = f' and {rest:,} more' if rest > 0 else ''
    return ', '.join(names[:most]) + more
