"""What the converters of checkpoints share."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor

from ..checkpoints import read_checkpoint, write_checkpoint
from ..checkpoints.fit import weights_of
from ..cli import run
from ..version import __version__
from .names import unwrapped

Weights = Mapping[str, Tensor]
_UNUSED = 'official_unused'


class Converter(NamedTuple):
    """What is particular to the checkpoints of one published code.

    Args:
        to_mmmap: From official weights to ours.
        to_official: From our weights to official ones.
        meta: What the meta of ours says, from official weights and ours.
        unused_of: Official weights that ours lack; they are kept under
            ``official_unused``, so that ``restored`` has them again.
        keys: The official keys of weights; the first is written.
        prefixes: See ``unwrapped``.
    """

    to_mmmap: Callable[[Weights], Weights]
    to_official: Callable[[Weights], Weights]
    meta: Callable[[Weights, Weights], dict]
    unused_of: Callable[[Weights], Weights] | None = None
    keys: tuple[str, ...] = ('model',)
    prefixes: tuple[str, ...] = ('module.',)

    def converted(self, content: dict) -> dict:
        """An official file's content as a checkpoint of mmengine's form.

        Raises:
            ConversionError: It is not complete official weights.
        """
        official = unwrapped(content, self.keys, self.prefixes)
        weights = self.to_mmmap(official)
        about = self.meta(official, weights)
        ours = dict(
            state_dict=weights, meta=dict(mmmap_version=__version__, **about)
        )
        if self.unused_of is not None:
            ours[_UNUSED] = self.unused_of(official)
        return ours

    def restored(self, content: dict) -> dict:
        """The official form of a checkpoint of ours.

        Raises:
            ConversionError: It is not complete weights of such a model.
            CheckpointError: It holds no weights.
        """
        official = self.to_official(weights_of(content, 'the checkpoint'))
        return {self.keys[0]: {**official, **content.get(_UNUSED, {})}}


def convert(args: Namespace, converter: Converter) -> int:
    """Read a file, convert it, write another; return the exit status.

    Args:
        args: From ``command.parse_args``.
        converter: Of these checkpoints.
    """

    def written(args: Namespace) -> None:
        content = read_checkpoint(args.src)
        there = converter.converted, converter.restored
        content = there[args.reverse](content)
        write_checkpoint(args.dst, content, args.overwrite)
        # The weights are the first entry, under any official key.
        weights = next(iter(content.values()))
        print(f'{args.dst}: {len(weights)} tensors')

    return run(written, args)
