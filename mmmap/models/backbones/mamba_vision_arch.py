"""Sizes of MambaVision.

Source: Hatamizadeh and Kautz (CVPR 2025, arXiv 2407.08083).
"""

from collections.abc import Sequence

from ...errors import InputError
from ..layers.checks import check_count
from .hybrid_arch import check_width, named_arch

STAGES = 4
# Stages of convolutions; the others mix tokens in windows.
CONV_STAGES = 2
OPTIONAL = dict(mlp_ratio=4.0, layer_scale=None)


def _size(
    embed_dims: int,
    stem_dims: int,
    depths: tuple[int, ...],
    num_heads: tuple[int, ...],
    layer_scale: float | None = None,
) -> dict:
    return dict(
        embed_dims=embed_dims,
        stem_dims=stem_dims,
        depths=depths,
        num_heads=num_heads,
        window_sizes=(14, 7),
        layer_scale=layer_scale,
    )


ARCH_ZOO = {
    **dict.fromkeys(['t', 'tiny'], _size(80, 32, (1, 3, 8, 4), (8, 16))),
    **dict.fromkeys(['t2', 'tiny2'], _size(80, 32, (1, 3, 11, 4), (8, 16))),
    **dict.fromkeys(['s', 'small'], _size(96, 64, (3, 3, 7, 5), (8, 16))),
    **dict.fromkeys(
        ['b', 'base'], _size(128, 64, (3, 3, 10, 5), (8, 16), 1e-5)
    ),
    **dict.fromkeys(
        ['l', 'large'], _size(196, 64, (3, 3, 10, 5), (16, 32), 1e-5)
    ),
    **dict.fromkeys(
        ['l2', 'large2'], _size(196, 64, (3, 3, 12, 5), (16, 32), 1e-5)
    ),
}


def settings_of(arch: str | dict) -> dict:
    """Return an arch, given by name or as a dict, with all keys.

    Raises:
        InputError: The arch cannot be built.
    """
    arch = named_arch(arch, ARCH_ZOO)
    lengths = dict(depths=STAGES, num_heads=2, window_sizes=2)
    required = {'embed_dims', 'stem_dims', *lengths}
    if not required <= set(arch) <= required | set(OPTIONAL):
        raise InputError(
            f'an arch dict needs {", ".join(sorted(required))}, and may have '
            f'{", ".join(OPTIONAL)}; got {sorted(arch)}'
        )
    settings = {**OPTIONAL, **arch}
    for name in ('embed_dims', 'stem_dims'):
        check_count(name, settings[name])
    for name, length in lengths.items():
        values = settings[name]
        if not isinstance(values, Sequence) or len(values) != length:
            raise InputError(
                f'{name} must be {length} whole numbers, got {values!r}'
            )
        for value in values:
            check_count(name, value)
    check_width('mlp_ratio', settings['mlp_ratio'], settings['embed_dims'])
    return settings
