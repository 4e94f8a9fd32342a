r"""Turn a training checkpoint into a file for publication.

Example::

    python tools/publish_model.py work_dirs/upernet/iter_60000.pth \
        upernet_map_ade20k.pth
    python tools/publish_model.py epoch_1600.pth map.safetensors --weights raw

The file keeps the weights and their description (classes, config, length of
training), without optimizer, schedules, logs and the folders of absolute
paths in the config. The first eight digits of its SHA-256 become part of its
name, as in ``upernet_map_ade20k-1a2b3c4d.pth``, so that downloads can be
checked. If training averaged the weights (EMA), the checkpoint holds both, and
the average is used by default.
"""

import hashlib
import re
import sys
from pathlib import Path

from mmmap import cli
from mmmap.version import __version__

AVERAGED, RAW = 'ema', 'raw'


def parse_args(argv=None):
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('src', help='training checkpoint')
    parser.add_argument(
        'dst', help='file to write, .pth or .safetensors; gets a hash'
    )
    parser.add_argument(
        '--weights',
        choices=[AVERAGED, RAW],
        help='those averaged over training, or those of the last step; by '
        'default the averaged ones if there are any',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace an existing file'
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import numpy as np

from mmmap.checkpoints import (
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)
from mmmap.checkpoints.fit import weights_of
from mmmap.wording import counted, some_of

SUFFIXES = ('.pth', '.safetensors')
# The part of a meta that describes the weights; the rest is of the run.
KEPT = ('dataset_meta', 'cfg', 'epoch', 'iter', 'experiment_name')
# An absolute path between quotes, and the last part of it.
PATH = re.compile(r"""(['"])/[^'"\n]*?([^/'"\n]+)/?\1""")


def published(content, source, choice=None):
    """The part of a checkpoint that is published.

    Args:
        content: A checkpoint of mmengine's runner.
        source: Its file, for messages.
        choice: ``'ema'``, ``'raw'`` or None, see ``--weights``.

    Raises:
        CheckpointError: There are no weights, some are NaN, or averaged ones
            are asked for and missing.
    """
    weights = weights_of(content, source)
    # mmengine's EMAHook puts the average under state_dict and the rest here.
    other = content.get('ema_state_dict')
    if choice == AVERAGED and not other:
        raise CheckpointError(
            f'{source} has no averaged weights (ema_state_dict): it was '
            'trained without an EMAHook; remove --weights'
        )
    if choice == RAW and other:
        raw = {k.removeprefix('module.'): v for k, v in other.items()}
        weights = {key: raw.get(key, value) for key, value in weights.items()}
    broken = [key for key, value in weights.items() if value.isnan().any()]
    if broken:
        raise CheckpointError(
            f'{counted(len(broken), "tensor")} of {source} with NaN '
            f'({some_of(broken, 3)}): its training diverged; take an earlier '
            'checkpoint'
        )
    kind = AVERAGED if other and choice != RAW else RAW
    full = content.get('meta') or {}
    meta = {key: plain(full[key]) for key in KEPT if key in full}
    if isinstance(meta.get('cfg'), str):
        # Paths on the training machine are private.
        meta['cfg'] = PATH.sub(r'\1\2\1', meta['cfg'])
    meta.update(weights=kind, mmmap_version=__version__)
    return dict(state_dict=weights, meta=meta)


def plain(value):
    """Replace numpy's types, so that JSON and any numpy can read them."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(plain, value))
    return value


def hashed_name(path):
    """From written bytes to ``path`` with the start of their SHA-256."""

    def named(file):
        digest = hashlib.sha256()
        with open(file, 'rb') as stream:
            while part := stream.read(2**20):
                digest.update(part)
        start = digest.hexdigest()[:8]
        return path.with_name(f'{path.stem}-{start}{path.suffix}')

    return named


def publish(args):
    """Read, reduce and write a checkpoint.

    Raises:
        CheckpointError: SRC or DST cannot be used.
    """
    dst = Path(args.dst)
    if dst.suffix not in SUFFIXES:
        raise CheckpointError(
            f'DST must end in {" or ".join(SUFFIXES)}, got {dst}'
        )
    content = read_checkpoint(args.src)
    content = published(content, args.src, args.weights)
    file = write_checkpoint(dst, content, args.overwrite, hashed_name(dst))
    count = len(content['state_dict'])
    size = file.stat().st_size / 2**20
    print(
        f'{file}: {count} tensors ({content["meta"]["weights"]}), '
        f'{size:.1f} MiB'
    )


main = cli.command(parse_args, publish)

if __name__ == '__main__':
    sys.exit(main())
