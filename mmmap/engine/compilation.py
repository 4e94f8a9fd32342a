"""Compile the parts of a model that ``torch.compile`` takes as a whole."""

from torch import nn

# Of models of mmpretrain, mmdet and mmseg. The other parts choose by values
# (proposals, samples), which breaks their graphs, or take little time.
PARTS = ('backbone', 'decoder')


def compile_parts(model: nn.Module, **options) -> list[str]:
    """Compile the backbone, and MAP's decoder, where they are.

    Names of parameters stay as they are, so checkpoints do, too. The first
    steps take minutes; new sizes of images compile again.

    Args:
        model: As a runner has it, also wrapped for several processes.
        options: Of ``torch.compile``.

    Returns:
        Names of the parts.

    Raises:
        ValueError: The model has none of them.
    """
    inner = getattr(model, 'module', model)
    names = [
        n for n in PARTS if isinstance(getattr(inner, n, None), nn.Module)
    ]
    if not names:
        raise ValueError(
            f'--compile: {type(inner).__name__} has no '
            f'{" and no ".join(PARTS)} to compile'
        )
    for name in names:
        getattr(inner, name).compile(**options)
    return names
