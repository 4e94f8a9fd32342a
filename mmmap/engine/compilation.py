"""Compiling the parts of a model that ``torch.compile`` handles well."""

from torch import nn

# Parts of models of mmpretrain, mmdet and mmseg. The others branch on values
# (proposals, samples), which breaks their graphs, or take little time.
PARTS = ('backbone', 'decoder')


def compile_parts(model: nn.Module, **options) -> list[str]:
    """Compile the backbone, and MAP's decoder, in place.

    Parameter names, and so checkpoints, do not change. The first steps take
    minutes; new image sizes compile again.

    Args:
        model: A runner's model, also wrapped for several processes.
        options: See ``torch.compile``.

    Returns:
        Names of the compiled parts.

    Raises:
        ValueError: The model has none of them.
    """
    inner = getattr(model, 'module', model)
    names = [
        n for n in PARTS if isinstance(getattr(inner, n, None), nn.Module)
    ]
    if not names:
        raise ValueError(
            f'{type(inner).__name__} has no '
            f'{" and no ".join(PARTS)} to compile'
        )
    for name in names:
        getattr(inner, name).compile(**options)
    return names
