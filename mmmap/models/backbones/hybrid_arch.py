"""Archs of Mamba and attention blocks, as written in configs."""

from ...errors import InputError
from ..layers.checks import check_choice, check_count


def hybrid_size(width: int, mamba_depth: int, **others: int) -> dict:
    """A published arch: an attention block after every third Mamba block."""
    return dict(
        embed_dims=width,
        mamba_depth=mamba_depth,
        attention_every=3,
        **others,
    )


def named_arch(arch: str | dict, zoo: dict[str, dict]) -> dict:
    """An arch as a dict, given by name or as such.

    Raises:
        InputError: An unknown name, or neither of the two.
    """
    if isinstance(arch, str):
        check_choice('arch', arch, zoo)
        return zoo[arch]
    if not isinstance(arch, dict):
        raise InputError(
            f'arch must be a name ({", ".join(zoo)}) or a dict, got {arch!r}'
        )
    return arch


def check_width(name: str, ratio: float, width: int) -> None:
    """Check a width that is given as a ratio to the embedding's.

    Raises:
        InputError: No channel would be left.
    """
    if not isinstance(ratio, int | float) or not width * ratio >= 1:
        raise InputError(
            f'{name} must leave at least one channel, got {ratio!r} for '
            f'{width} channels'
        )


def arch_settings(
    arch: str | dict, zoo: dict[str, dict], **defaults: float
) -> dict:
    """Return an arch as a dict with all keys and its order as ``pattern``.

    Args:
        arch: A name in the zoo or a dict; see ``HybridNet``.
        zoo: Dicts by name.
        defaults: Defaults of optional keys that differ from HybridNet's.

    Raises:
        InputError: An unknown name, a missing or unknown key, or a value
            from which no network can be built.
    """
    given = dict(named_arch(arch, zoo))
    order = {'pattern'} if 'pattern' in given else {
        'mamba_depth', 'attention_every'
    }  # fmt: skip
    optional = dict(
        num_heads=12, mlp_ratio=2.0, d_state=16, d_conv=4, expand=2
    )
    optional |= defaults
    required = {'embed_dims', *order}
    if not required <= set(given) <= required | set(optional):
        raise InputError(
            'an arch dict needs embed_dims and either pattern or '
            'mamba_depth and attention_every, and may have '
            f'{", ".join(optional)}; got {sorted(given)}'
        )
    if 'pattern' not in given:
        given['pattern'] = _pattern(
            given.pop('mamba_depth'), given.pop('attention_every')
        )
    settings = {**optional, **given}
    _check_values(settings)
    return settings


def _check_values(settings: dict) -> None:
    pattern = settings['pattern']
    text = isinstance(pattern, str) and pattern
    if not text or set(pattern) - set('MT'):
        raise InputError(
            "a pattern is made of 'M' (Mamba) and 'T' (attention) blocks, "
            f'got {pattern!r}'
        )
    for name in ('embed_dims', 'num_heads', 'd_state', 'd_conv'):
        check_count(name, settings[name])
    for name in ('mlp_ratio', 'expand'):
        check_width(name, settings[name], settings['embed_dims'])


def _pattern(mamba_depth: int, attention_every: int) -> str:
    """``'MMMT...'``: one attention block for so many Mamba blocks."""
    check_count('mamba_depth', mamba_depth)
    check_count('attention_every', attention_every)
    return ''.join(
        'MT' if (index + 1) % attention_every == 0 else 'M'
        for index in range(mamba_depth)
    )


def drop_rates(last: float, depth: int) -> list[float]:
    """Stochastic depth of each block, rising linearly from 0.

    Raises:
        InputError: The rate is not in [0, 1).
    """
    if not 0 <= last < 1:
        raise InputError(f'drop_path_rate must be in [0, 1), got {last}')
    return [last * i / max(depth - 1, 1) for i in range(depth)]
