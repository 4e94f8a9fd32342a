"""Small helpers for messages."""


def counted(number: int, one: str, many: str = '') -> str:
    """A number and what it counts, in the singular or the plural.

    Args:
        number: How many.
        one: The singular, perhaps with its verb: ``'image is'``.
        many: The plural, as ``'images are'``; by default ``one`` and an s.
    """
    return f'{number:,} {one if number == 1 else many or f"{one}s"}'
