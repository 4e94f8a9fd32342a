"""Scaling the learning rate to the actual batch size."""

import os
from collections.abc import Iterator, Mapping

from mmengine.config import Config

from ..errors import InputError
from ..wording import counted

# Where launchers put the number of processes.
_WORLD = ('WORLD_SIZE', 'SLURM_NTASKS', 'OMPI_COMM_WORLD_SIZE')


def scale_learning_rate(config: Config) -> str:
    """Scale the learning rate in proportion to the batch size.

    The batch is what one step of the optimizer uses: the images of a process,
    times the processes, times the accumulated steps, which mmengine's own
    scaling ignores. The config then holds the rate for this batch, so that
    mmengine does not scale it again.

    Args:
        config: With ``auto_scale_lr.base_batch_size``, the batch size for
            its learning rate.

    Returns:
        A sentence with the batch size and the rates.

    Raises:
        InputError: The config has no base batch size, batch size or rate.
    """
    base = (config.get('auto_scale_lr') or {}).get('base_batch_size')
    if not base:
        raise InputError(
            '--auto-scale-lr needs auto_scale_lr=dict(base_batch_size='
            '...) in the config: the batch its learning rate is meant for'
        )
    size = (config.get('train_dataloader') or {}).get('batch_size')
    if not size:
        raise InputError(
            '--auto-scale-lr needs train_dataloader.batch_size, which this '
            'config does not set'
        )
    world = _processes(config)
    lines, batches = [], set()
    for place, wrapper in wrappers(config.optim_wrapper):
        steps = wrapper.get('accumulative_counts') or 1
        rate = wrapper.optimizer.get('lr')
        if not rate:
            raise InputError(
                f'--auto-scale-lr needs {place}.optimizer.lr, which this '
                'config does not set'
            )
        batch = size * world * steps
        wrapper.optimizer.lr = rate * batch / base
        batches.add(batch)
        lines.append(
            f'batch {batch} ({size} per process x '
            f'{counted(world, "process", "processes")} x {steps} accumulated)'
            f', learning rate {wrapper.optimizer.lr:g} '
            f'({rate:g} is for batch {base})'
        )
    if len(batches) == 1:
        config.auto_scale_lr.base_batch_size = batches.pop()
    config.auto_scale_lr.enable = False
    return '; '.join(lines)


def _processes(config: Mapping) -> int:
    """The number of processes, before their group is formed."""
    if config.get('launcher', 'none') == 'none':
        return 1
    found = (os.environ.get(name) for name in _WORLD)
    return int(next(filter(None, found), 1))


def wrappers(
    node: Mapping, place: str = 'optim_wrapper'
) -> Iterator[tuple[str, Mapping]]:
    """The optimizer wrappers of a config with their places: one, or several.

    Args:
        node: ``optim_wrapper`` of a config.
        place: Its place.
    """
    if 'optimizer' in node:
        yield place, node
        return
    for key, part in node.items():
        if isinstance(part, Mapping):
            yield from wrappers(part, f'{place}.{key}')
