"""The default settings of a run, each with its reason.

``BASES`` and ``ARCHS`` are the tables; :func:`choose` uses them for given data
and a given machine. Every choice is also an option of the command.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import InputError
from .images import Images


class Base(NamedTuple):
    """Where the choices of a task start, on a CPU and on a GPU.

    Attributes:
        edge: The shorter edge that images are shrunk to, in pixels.
        crop: Edge of what a step sees of an image, in pixels.
        batch: Images of a step.
        rate: Learning rate, of ...
        rate_batch: ... this batch.
        steps: Of the whole run, if there is time.
        passes: Over the images, at most.
    """

    edge: int
    crop: int
    batch: int
    rate: float
    rate_batch: int
    steps: int
    passes: int


# Rates are those of the demo (CPU) and of the repository's configs (GPU).
BASES = {
    ('pretrain', 'cpu'): Base(128, 96, 32, 1.5e-3, 32, 8000, 800),
    ('segment', 'cpu'): Base(192, 160, 8, 2e-3, 8, 3000, 400),
    ('detect', 'cpu'): Base(256, 256, 2, 2e-3, 8, 6000, 200),
    ('classify', 'cpu'): Base(110, 96, 32, 1e-3, 128, 5000, 200),
    ('pretrain', 'cuda'): Base(256, 224, 64, 1e-3, 1024, 100000, 800),
    ('segment', 'cuda'): Base(512, 512, 8, 1e-4, 16, 20000, 400),
    ('detect', 'cuda'): Base(800, 800, 4, 1e-4, 16, 40000, 100),
    ('classify', 'cuda'): Base(256, 224, 64, 1e-3, 1024, 40000, 200),
}
HOURS = dict(cpu=1.0, cuda=12.0)
LEAST_STEPS = 50  # of an epoch
ARCHS: dict[str, dict] = {
    # 0.6 M parameters, the demo's.
    'mini': dict(
        arch=dict(embed_dims=128, pattern='MMMT', num_heads=4, d_state=8),
        channels=128,
        outputs=(0, 1, 2, 3),
        heads=64,
        decoder=dict(embed_dims=64, depth=2, num_heads=4),
    ),
    'tiny': dict(
        arch='tiny',
        channels=192,
        outputs=(7, 15, 23, 31),
        heads=256,
        decoder=dict(embed_dims=192, depth=4, num_heads=16),
    ),
}
for _arch, _dims, _depth in (
    ('small', 384, 32),
    ('base', 768, 32),
    ('large', 1024, 64),
    ('huge', 1536, 48),
):
    ARCHS[_arch] = dict(
        ARCHS['tiny'],
        arch=_arch,
        channels=_dims,
        outputs=tuple(_depth * (k + 1) // 4 - 1 for k in range(4)),
    )

# The others see crops of any size as squares of one.
_SHRUNK = ('segment', 'detect')
_LARGE_GPU = 20e9  # bytes
_MANY = 2000  # images


class Machine(NamedTuple):
    """What a run has to run on."""

    device: str
    cores: int
    gpu_memory: int = 0

    @classmethod
    def here(cls) -> 'Machine':
        """The one this runs on."""
        import torch

        cores = len(os.sched_getaffinity(0))
        if not torch.cuda.is_available():
            return cls('cpu', cores)
        memory = torch.cuda.get_device_properties(0).total_memory
        return cls('cuda', cores, memory)


@dataclass
class Choices:
    """Values by the names of their options, and why."""

    values: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)

    def take(self, name: str, value: Any, reason: str) -> None:
        """Note a value and its reason; what was given wins."""
        if self.given.get(name) is not None:
            value, reason = self.given[name], f'--{name}'
        self.values[name], self.reasons[name] = value, reason

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__['values'][name]
        except KeyError:
            raise AttributeError(name) from None

    def __str__(self) -> str:
        rows = [
            (name, _text(value), self.reasons[name])
            for name, value in self.values.items()
        ]
        widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
        return '\n'.join(
            f'  {name:{widths[0]}}  {value:{widths[1]}}  {reason}'
            for name, value, reason in rows
        )


def choose(
    task: str,
    images: Images,
    count: int,
    machine: Machine,
    given: Mapping[str, Any],
    start: Mapping[str, Any] | None = None,
    reading: tuple[str, str] = ('colour', 'red, green and blue of 8 bits'),
) -> Choices:
    """Choose what does not need a measured step.

    Args:
        task: For example ``'segment'``.
        images: Of the folder.
        count: Of them that are trained on.
        machine: What it runs on.
        given: Options of the command line, None where not given.
        start: ``arch``, ``patch`` of the pretraining that it starts from.
        reading: How images are read, and the reason.
    """
    base = BASES[task, machine.device]
    made = Choices(given=given)
    made.take('reading', *reading)
    _sizes(made, task, base, images)
    _network(made, machine, images, start)
    _batches(made, base, machine, count)
    _rates(made, base, started=bool(start))
    return made


def choose_epochs(
    made: Choices,
    task: str,
    machine: Machine,
    count: int,
    seconds: float,
    validation: float,
) -> float:
    """Choose the epochs by the time a step takes; return the whole seconds.

    Args:
        made: Gets ``epochs`` and ``val_interval``.
        task: For example ``'segment'``.
        machine: What it runs on.
        count: Images that are trained on.
        seconds: Of a step.
        validation: Seconds of one validation.
    """
    base = BASES[task, machine.device]
    steps = max(1, made.repeat * count // made.batch)
    hours = made.given.get('hours') or HOURS[machine.device]
    wanted = min(base.steps / steps, base.passes / made.repeat)
    wanted = max(1, round(wanted))
    each = steps * seconds
    # Ten validations, or one an epoch.
    fits = int((hours * 3600 - 10 * validation) / each)
    why = f'{wanted * steps:,} steps of {steps} an epoch'
    epochs = wanted
    if fits < wanted:
        epochs = max(1, fits)
        why = f'to end within {hours:g} h'
        if fits < 1:
            why = f'the least, but longer than {hours:g} h'
        need = math.ceil(wanted * each / 360) / 10
        why += f'; {wanted} are usual (--hours {need:g})'
    made.take('epochs', epochs, why)
    if task == 'pretrain':
        return made.epochs * each
    interval = max(1, made.epochs // 10)
    why = 'about ten validations' if interval > 1 else 'after each epoch'
    made.take('val_interval', interval, why)
    return made.epochs * each + validation * (made.epochs // interval)


def _sizes(made: Choices, task: str, base: Base, images: Images) -> None:
    short = images.short_edge
    edge = min(base.edge, short)
    why = 'that of the images'
    if short > base.edge:
        why = (
            f'images are shrunk {short / base.edge:.1f} times; '
            'a larger edge is slower'
        )
    if task == 'detect':
        edge = max(edge, 64)
    if task in _SHRUNK:
        made.take('edge', edge, f'shorter edge: {why}')
        edge = made.edge
    crop = max(32, min(base.crop, edge) // 32 * 32)
    if task != 'detect':
        made.take('crop', crop, 'edge of the training crops, in pixels')
        if made.crop % 32:
            raise InputError(
                f'--crop {made.crop}: expected a multiple of 32, such as '
                f'{max(32, round(made.crop / 32) * 32)}'
            )


def _network(made: Choices, machine, images: Images, start) -> None:
    crop = made.values.get('crop') or made.edge
    if start:
        # Another network could not take the weights.
        for name in ('arch', 'patch'):
            given = made.given.get(name)
            if given is not None and given != start[name]:
                raise InputError(
                    f'--{name} {given}: the pretraining of --start has '
                    f'{_text(start[name])}; remove --{name}'
                )
            made.take(name, start[name], 'as in the pretraining')
        return
    arch = 'mini'
    why = '0.6 M parameters, small enough to train without a GPU'
    if machine.device == 'cuda':
        large = machine.gpu_memory > _LARGE_GPU and len(images.names) > _MANY
        arch = 'small' if large else 'tiny'
        why = f'for {len(images.names):,} images on this GPU'
    made.take('arch', arch, why)
    patch = 8 if crop <= 128 else 16
    tokens = (crop // patch) ** 2
    made.take('patch', patch, f'pixels; {tokens} tokens per crop')


def _batches(made: Choices, base: Base, machine: Machine, count: int) -> None:
    cores = f'{machine.cores} cores'
    why = f'usual for this task without a GPU, on {cores}'
    if machine.device == 'cuda':
        memory = f'{machine.gpu_memory / 2**30:.0f} GiB'
        why = f'halved if it does not fit into {memory}'
    made.take('batch', base.batch, why)
    why = cores if machine.device == 'cuda' else f'{cores}, also for training'
    made.take('workers', _workers(machine), why)
    repeat = max(1, math.ceil(LEAST_STEPS * made.batch / count))
    made.take(
        'repeat',
        repeat,
        f'passes over {count} images per epoch, for at least {LEAST_STEPS} '
        'steps',
    )
    if made.repeat * count < made.batch:
        raise InputError(
            f'an epoch ({made.repeat} passes over {count} images) is shorter '
            f'than one batch of {made.batch}: lower --batch or raise --repeat'
        )


def _rates(made: Choices, base: Base, started: bool) -> None:
    rate = base.rate * math.sqrt(made.batch / base.rate_batch)
    made.take(
        'lr',
        float(f'{rate:.2g}'),
        f'{base.rate:g} for batches of {base.rate_batch}, scaled with the '
        'square root of the batch',
    )
    decay, why = 1.0, 'no pretraining: all layers learn at the same rate'
    if started:
        decay = 0.9
        why = 'earlier layers of the pretrained network learn more slowly'
    made.take('layer_decay', decay, why)


def _workers(machine: Machine) -> int:
    if machine.device == 'cpu':
        return 0 if machine.cores <= 2 else min(4, machine.cores // 2)
    return max(1, min(8, machine.cores - 1))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get('pattern', value)
    return f'{value:g}' if isinstance(value, float) else str(value)
