"""Numbers of a config that must be whole or large enough.

OpenMMLab checks few of them, and its messages do not name the setting.
"""

from collections.abc import Iterator, Mapping
from math import isfinite

from ..errors import InputError
from .batch_size import wrappers

_SPLITS = ('train', 'val', 'test')
_LARGEST_SEED = 2**32 - 1  # of NumPy


def check_numbers(config: Mapping) -> None:
    """Refuse numbers that cannot be trained or tested with.

    Args:
        config: An mmengine config.

    Raises:
        InputError: A number is text, a fraction, too small or, a seed, too
            large.
    """
    for place, value, least, whole in _numbers(config):
        if value is None:
            continue
        kind = 'a whole number' if whole else 'a number'
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        fits = plain and value >= least
        if fits and whole:
            fits = isfinite(value) and value == int(value)
        if not fits:
            raise InputError(
                f'{place} is {value!r}, expected {kind} of at least {least}'
            )
        if place == 'randomness.seed' and value > _LARGEST_SEED:
            raise InputError(
                f'{place} is {value}, expected at most {_LARGEST_SEED}'
            )


def _numbers(config: Mapping) -> Iterator[tuple[str, object, int, bool]]:
    """Place, value, smallest value, and whether it must be whole."""
    loop = config.get('train_cfg') or {}
    for key in ('max_epochs', 'max_iters'):
        yield f'train_cfg.{key}', loop.get(key), 1, True
    # Some set it to infinity: no validation.
    yield 'train_cfg.val_interval', loop.get('val_interval'), 1, False
    for split in _SPLITS:
        loader = config.get(f'{split}_dataloader')
        if isinstance(loader, Mapping):
            place = f'{split}_dataloader'
            yield f'{place}.batch_size', loader.get('batch_size'), 1, True
            yield f'{place}.num_workers', loader.get('num_workers'), 0, True
    for place, wrapper in wrappers(config.get('optim_wrapper') or {}):
        steps = wrapper.get('accumulative_counts')
        yield f'{place}.accumulative_counts', steps, 1, True
        optimizer = wrapper['optimizer']
        if isinstance(optimizer, Mapping):
            yield f'{place}.optimizer.lr', optimizer.get('lr'), 0, False
    base = (config.get('auto_scale_lr') or {}).get('base_batch_size')
    yield 'auto_scale_lr.base_batch_size', base, 1, True
    seed = (config.get('randomness') or {}).get('seed')
    yield 'randomness.seed', seed, 0, True
