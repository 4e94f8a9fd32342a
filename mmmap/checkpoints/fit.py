"""Whether a checkpoint fits a model: one comparison, one policy for each use.

mmengine loads with ``strict=False``: a checkpoint that does not fit at all
leaves a random network and a line in the log. Here it is an error, and the
log says what was loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.logging import MMLogger
from torch import Tensor, nn

from ..wording import some_of
from .errors import CheckpointError
from .reading import read_checkpoint

Keys = Callable[[str], bool]


def never(key: str) -> bool:
    """No key."""
    return False


def always(key: str) -> bool:
    """Any key."""
    return True


def _outside_backbone(key: str) -> bool:
    return not key.startswith('backbone.')


@dataclass(frozen=True)
class Policy:
    """Which keys of a checkpoint and a model need not agree.

    Args:
        may_miss: Keys of the model that may keep their init.
        may_leave: Keys of the checkpoint that may stay unused.
        may_differ: Keys that may have another shape, and keep their init.
        resized: Keys that the model resamples while loading.
    """

    may_miss: Keys = never
    may_leave: Keys = never
    may_differ: Keys = never
    resized: Keys = never


EXACT = Policy()
# To test or resume: every weight of the model, whatever else there is.
WHOLE = Policy(may_leave=always)
# To train from ``load_from``: the head may be for other classes.
BACKBONE = Policy(_outside_backbone, always, _outside_backbone)

OWN_CONFIG = 'use the config it was trained with'


@dataclass
class Fit:
    """Which keys of a model a checkpoint fills, and whether that suffices.

    ``shapes`` maps keys to both shapes, where these differ.
    """

    source: str
    policy: Policy = EXACT
    matched: list[str] = field(default_factory=list)
    resized: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    shapes: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f'{len(self.matched)} tensors matched']
        shapes = [f'{key} {text}' for key, text in self.shapes.items()]
        for name, keys in dict(
            resized=self.resized,
            missing=self.missing,
            unexpected=self.unexpected,
            mismatched=shapes,
        ).items():
            if keys:
                parts.append(f'{len(keys)} {name} ({some_of(keys, 3)})')
        return f'{self.source}: ' + ', '.join(parts)

    def __bool__(self) -> bool:
        """Whether the policy accepts the checkpoint."""
        policy = self.policy
        return (
            bool(self.matched)
            and all(map(policy.may_miss, self.missing))
            and all(map(policy.may_leave, self.unexpected))
            and all(map(policy.may_differ, self.shapes))
        )

    def check(self, name: str, advice: str) -> None:
        """Check that the checkpoint is accepted.

        Args:
            name: What it is for, such as the class of the model.
            advice: What to do if it does not fit.

        Raises:
            CheckpointError: It is not.
        """
        if not self:
            raise CheckpointError(f'{self}. It does not fit {name}: {advice}')


def compare(
    model: nn.Module,
    weights: dict[str, Tensor],
    source: str,
    policy: Policy = EXACT,
) -> Fit:
    """Report what loading would match, miss and leave, without loading."""
    fit = Fit(source, policy)
    own = model.state_dict()
    fit.unexpected = [key for key in weights if key not in own]
    for key, value in own.items():
        if key not in weights:
            fit.missing.append(key)
        elif weights[key].shape == value.shape:
            fit.matched.append(key)
        elif policy.resized(key):
            fit.resized.append(key)
        else:
            shapes = tuple(weights[key].shape), tuple(value.shape)
            fit.shapes[key] = '{} for {}'.format(*shapes)
    return fit


def load(
    model: nn.Module,
    checkpoint: str | Path,
    prefix: str | None = None,
    policy: Policy = EXACT,
    check: Callable[[dict], None] = lambda content: None,
) -> Fit:
    """Load a checkpoint into a model, completely or not at all.

    Args:
        model: The model, or a part of one.
        checkpoint: File or URL.
        prefix: Part of the checkpoint to load, for example ``'backbone.'``.
        policy: What need not agree.
        check: Called with the content of the file; raises if it belongs to
            another model although all shapes fit.

    Raises:
        CheckpointError: The file cannot be read, or does not fit; the model
            is unchanged then.
    """
    source = str(checkpoint)
    content = read_checkpoint(source)
    weights = select_prefix(weights_of(content, source), prefix, source)
    fit = compare(model, weights, source, policy)
    fit.check(
        type(model).__name__,
        'it is probably one of another arch, pattern or library. Build the '
        'model with the arch of the checkpoint, or convert it '
        '(tools/model_converters)',
    )
    check(content)
    model.load_state_dict(weights, strict=False)
    MMLogger.get_current_instance().info(f'loaded {fit}')
    return fit


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
            f'{some_of(checkpoint, 3) or "none"}'
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
        f'its keys begin with {some_of(heads, 3)}'
    )
