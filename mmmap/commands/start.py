"""Where ``--start`` points: a run, a checkpoint, or published weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..checkpoints import read_checkpoint
from ..checkpoints.recorded import config_of
from ..errors import FileError, InputError
from .choices import ARCHS
from .published import NAMES, published_start, split_name


class Start(NamedTuple):
    """A pretrained backbone.

    Attributes:
        checkpoint: The file.
        backbone: Its settings, as the checkpoint keeps them.
    """

    checkpoint: Path
    backbone: Mapping[str, Any]

    @property
    def choices(self) -> dict[str, Any]:
        """``arch`` and ``patch``, as :mod:`choices` has them."""
        arch = self.backbone.get('arch', 'base')
        if isinstance(arch, Mapping):
            arch = {k: v for k, v in arch.items() if k != '_delete_'}
        names = [n for n, known in ARCHS.items() if known['arch'] == arch]
        return dict(
            arch=names[0] if names else arch,
            patch=self.backbone.get('patch_size', 16),
        )

    @property
    def kind(self) -> str:
        """Of the backbone: ``'HybridNet'`` or ``'MambaVision'``."""
        return str(self.backbone.get('type')).split('.')[-1]

    def check_channels(self, number: int) -> None:
        """Check that it takes images of so many channels.

        Raises:
            InputError: It does not.
        """
        own = self.backbone.get('in_channels', 3)
        if own != number:
            raise InputError(
                f'--start: {self.checkpoint} was pretrained on images with '
                f'{own} channels, but these have {number}; pretrain on '
                'images like these, or remove --start'
            )


def find_start(given: str | Path) -> Start:
    """The checkpoint of ``--start``.

    Args:
        given: The folder of a run, a checkpoint, or ``NAME`` or
            ``NAME=FILE`` of published weights.

    Raises:
        FileError: There is none.
        InputError: Its backbone is not one that these commands build.
    """
    from ..engine.launch import last_checkpoint

    path = Path(given).expanduser().absolute()
    if not path.exists() and split_name(str(given)):
        return Start(*published_start(str(given)))
    if not path.exists():
        raise FileError(
            f'--start {given}: no such file or folder; give the folder of a '
            'pretraining (--out of `mmmap pretrain`), a checkpoint, or '
            f'published weights as NAME=FILE: {", ".join(NAMES)}'
        )
    if path.is_dir():
        found = last_checkpoint(str(path))
        if found is None:
            raise InputError(
                f'--start {given}: the folder has no checkpoint; '
                'pretraining writes one after each epoch'
            )
        path = Path(found)
    content = read_checkpoint(str(path))
    text = (content.get('meta') or {}).get('cfg')
    model = config_of(text if isinstance(text, str) else '').get('model') or {}
    backbone = model.get('backbone') or {}
    start = Start(path, backbone)
    if start.kind not in ('HybridNet', 'MambaVision'):
        raise InputError(
            f'--start {given}: the config in {path.name} has the backbone '
            f'{backbone.get("type")}, expected HybridNet or MambaVision; give '
            'a checkpoint of `mmmap pretrain` or of tools/train.py, or write '
            'a config and use tools/train.py'
        )
    return start
