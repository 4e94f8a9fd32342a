"""Loading weights into a backbone, with a report.

mmengine loads with ``strict=False``: a checkpoint that does not fit at all
leaves a random network and a line in the log. Here it is an error, and the
log says what was loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from mmengine.logging import MMLogger
from torch import Tensor, nn

from ...checkpoints import CheckpointError, read_checkpoint
from ...errors import InputError


@dataclass
class LoadReport:
    """Which keys of a module were filled from a checkpoint."""

    source: str
    matched: list[str] = field(default_factory=list)
    resized: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f'{len(self.matched)} tensors matched']
        for name in ('resized', 'missing', 'unexpected', 'mismatched'):
            keys = getattr(self, name)
            if keys:
                parts.append(f'{len(keys)} {name} ({shorten(keys)})')
        return f'{self.source}: ' + ', '.join(parts)


def pretrained_cfg(init_cfg: dict | list | None) -> dict | None:
    """Return the ``Pretrained`` entry of an ``init_cfg``, or None.

    Raises:
        InputError: It names no checkpoint, or another init stands beside it.
    """
    cfg = init_cfg or {}
    if isinstance(cfg, list | tuple) and len(cfg) == 1:
        cfg = cfg[0]
    if isinstance(cfg, list | tuple):
        if any(part.get('type') == 'Pretrained' for part in cfg):
            raise InputError(
                "init_cfg of type 'Pretrained' must stand alone, got "
                f'{init_cfg}'
            )
        return None
    if cfg.get('type') != 'Pretrained':
        return None
    if not cfg.get('checkpoint'):
        raise InputError(
            "init_cfg=dict(type='Pretrained', ...) needs checkpoint="
            f'FILE, got {init_cfg}'
        )
    return dict(cfg)


def weights_of(checkpoint: dict, source: str) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint, without DDP's ``module.``.

    Raises:
        CheckpointError: It holds no tensors.
    """
    for key in ('state_dict', 'model'):
        if isinstance(checkpoint.get(key), dict):
            checkpoint = checkpoint[key]
            break
    weights = {
        key.removeprefix('module.'): value
        for key, value in checkpoint.items()
        if isinstance(value, Tensor)
    }
    if not weights:
        raise CheckpointError(
            f'{source} holds no weights; its keys are '
            f'{shorten(list(checkpoint))}'
        )
    return weights


def select_prefix(
    weights: dict[str, Tensor], prefix: str | None, source: str
) -> dict[str, Tensor]:
    """Return the weights under a prefix, without it.

    None means ``backbone.``, or no prefix if no key has that one.

    Raises:
        CheckpointError: No key has the prefix.
    """
    wanted = prefix if prefix is not None else 'backbone.'
    wanted = wanted if wanted.endswith('.') or not wanted else f'{wanted}.'
    selected = {
        key.removeprefix(wanted): value
        for key, value in weights.items()
        if key.startswith(wanted)
    }
    if selected:
        return selected
    if prefix is None:
        return weights
    heads = sorted({key.split('.')[0] for key in weights})
    raise CheckpointError(
        f'{source} has no weights under the prefix {prefix!r}; '
        f'its keys begin with {shorten(heads)}'
    )


def compare(
    module: nn.Module,
    weights: dict[str, Tensor],
    source: str,
    resizable: Callable[[str], bool] = lambda key: False,
) -> LoadReport:
    """Report what loading would match, miss and leave, without loading."""
    report = LoadReport(source)
    own = module.state_dict()
    report.unexpected = [key for key in weights if key not in own]
    for key, value in own.items():
        if key not in weights:
            report.missing.append(key)
        elif weights[key].shape == value.shape:
            report.matched.append(key)
        elif resizable(key):
            report.resized.append(key)
        else:
            report.mismatched.append(
                f'{key} {tuple(weights[key].shape)} for {tuple(value.shape)}'
            )
    return report


def load_pretrained(
    module: nn.Module,
    checkpoint: str,
    prefix: str | None = None,
    may_miss: Callable[[str], bool] = lambda key: False,
    may_leave: Callable[[str], bool] = lambda key: False,
    resizable: Callable[[str], bool] = lambda key: False,
    check: Callable[[dict], None] = lambda content: None,
) -> LoadReport:
    """Load a checkpoint into a module, completely or not at all.

    Args:
        module: The module.
        checkpoint: File or URL.
        prefix: Part of the checkpoint to load, as ``'backbone.'``.
        may_miss: Whether a key of the module may keep its init.
        may_leave: Whether a key of the checkpoint may stay unused.
        resizable: Whether the module resamples a key while loading.
        check: Called with the content of the file; raises if it belongs to
            another model although all shapes fit.

    Raises:
        CheckpointError: The file cannot be read, or does not fit; the module
            is unchanged then.
    """
    content = read_checkpoint(checkpoint)
    weights = weights_of(content, checkpoint)
    weights = select_prefix(weights, prefix, checkpoint)
    report = compare(module, weights, checkpoint, resizable)
    missing = [key for key in report.missing if not may_miss(key)]
    left = [key for key in report.unexpected if not may_leave(key)]
    if not report.matched or report.mismatched or missing or left:
        raise CheckpointError(
            f'the checkpoint does not fit {type(module).__name__}: {report}. '
            'It is probably one of another arch, pattern or library; build '
            'the model with the arch of the checkpoint, or convert it '
            '(tools/model_converters)'
        )
    check(content)
    module.load_state_dict(weights, strict=False)
    MMLogger.get_current_instance().info(f'loaded {report}')
    return report


def shorten(keys: list[str], most: int = 3) -> str:
    """The first names of a list, for messages."""
    if not keys:
        return 'none'
    shown = ', '.join(map(str, keys[:most]))
    return f'{shown}, ...' if len(keys) > most else shown
