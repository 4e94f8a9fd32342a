"""Feature maps of a backbone at each depth.

Letters: B batch, C channels, h w rows and columns of a map, L = h*w tokens.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from ..errors import InputError
from ..models.backbones import HybridNet, MambaVision

MAMBA, ATTENTION = 'Mamba', 'attention'
CONVOLUTIONS, BOTH = 'convolutions', 'Mamba, then attention'
_KINDS = {'M': MAMBA, 'T': ATTENTION}


def kinds_of(backbone: nn.Module) -> list[str]:
    """The kind of block at each depth, as ``['Mamba', 'attention']``.

    Depths are the blocks of HybridNet and the stages of MambaVision.

    Raises:
        InputError: Another backbone.
    """
    if isinstance(backbone, HybridNet):
        built = len(backbone.layers)
        return [_KINDS[letter] for letter in backbone.pattern[:built]]
    if isinstance(backbone, MambaVision):
        kinds = [CONVOLUTIONS] * 2 + [BOTH] * 2
        return kinds[: len(backbone.stages)]
    raise InputError(
        'only the depths of HybridNet and MambaVision are known, got a '
        f'{type(backbone).__name__}'
    )


def names_of(backbone: nn.Module) -> list[str]:
    """A name for each depth, for example ``'block 3, attention'``."""
    what = 'block' if isinstance(backbone, HybridNet) else 'stage'
    kinds = enumerate(kinds_of(backbone))
    return [f'{what} {index}, {kind}' for index, kind in kinds]


def spread(kinds: Sequence[str], most: int = 6) -> list[int]:
    """Depths to draw by default: where the kind of block changes.

    Args:
        kinds: Kinds of all depths.
        most: The largest number of depths, evenly spread.
    """
    count = len(kinds)
    if count <= most:
        return list(range(count))
    turns = [
        i for i in range(count) if i + 1 == count or kinds[i + 1] != kinds[i]
    ]
    if len(turns) == 1:  # of one kind throughout
        return _even(list(range(count)), most)
    # Two neighbours, as Mamba and the attention behind it, stay together.
    turns = turns[len(turns) % 2 :]
    pairs = list(zip(turns[::2], turns[1::2]))
    return [depth for pair in _even(pairs, most // 2) for depth in pair]


def _even(items: list, most: int) -> list:
    """Select items, evenly spread, including the first and the last."""
    count = min(most, len(items))
    steps = max(count - 1, 1)
    return [items[i * (len(items) - 1) // steps] for i in range(count)]


def check_depths(backbone: nn.Module, depths: Sequence[int]) -> None:
    """Check that depths exist.

    Raises:
        InputError: One does not.
    """
    count = len(kinds_of(backbone))
    wrong = [depth for depth in depths if not 0 <= depth < count]
    if wrong or not depths:
        raise InputError(
            f'depths must be from 0 to {count - 1} for this '
            f'{type(backbone).__name__}, got {list(depths)}'
        )


def maps_at(
    backbone: nn.Module, images: Tensor, depths: Sequence[int]
) -> list[Tensor]:
    """The map (B, C, h, w) after each of some depths, without a norm.

    For HybridNet it is the whole stream, the sum of all blocks' outputs.

    Args:
        backbone: HybridNet or MambaVision.
        images: (B, 3, H, W), normalised.
        depths: From 0.

    Raises:
        InputError: Another backbone, or an unknown depth.
    """
    check_depths(backbone, depths)
    if isinstance(backbone, MambaVision):
        maps = backbone.stage_maps(images)
        return [maps[depth] for depth in depths]
    with outputs_of([backbone.layers[d] for d in depths]) as streams:
        backbone(images)
    grid = backbone.grid(images)
    maps = []
    for hidden, residual in streams:
        tokens = hidden.float()
        tokens = tokens if residual is None else tokens + residual
        maps.append(tokens.transpose(1, 2).unflatten(2, grid))
    return maps


@contextmanager
def outputs_of(modules: Sequence[nn.Module]) -> Iterator[list]:
    """Record what modules return within the context, in order.

    Args:
        modules: Each to be called once.

    Yields:
        A list, filled by the calls.
    """
    outputs = [None] * len(modules)

    def keep(index):
        def hook(module, inputs, output):
            outputs[index] = output

        return hook

    hooks = [
        module.register_forward_hook(keep(index))
        for index, module in enumerate(modules)
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
