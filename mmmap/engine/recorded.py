"""Whether a checkpoint is of the method that a config says.

The decoder's attention masks, among other settings, are in no weight: a
checkpoint of MAE would load into MAP in silence. mmengine keeps the text of
the config in its checkpoints, so both can be compared.
"""

from collections.abc import Mapping
from pathlib import Path

from mmpretrain.registry import MODELS

from ..checkpoints import read_checkpoint
from ..checkpoints.recorded import check_equal, recorded_model
from ..models.backbones.base import Encoder
from ..models.masking import MaskRatio

# What changes a method and not the shapes of its weights, with its defaults.
METHOD_SETTINGS = {
    ('backbone', 'order'): 'fps',
    ('decoder', 'attention'): 'rows',
    ('decoder', 'sequence'): 'visible_first',
    ('decoder', 'num_heads'): 16,
    ('target_generator', 'norm_pix'): True,
}
# A run that goes on has to hide its tokens as it began.
RESUMED_SETTINGS = {
    **METHOD_SETTINGS,
    ('masking', 'type'): None,
    ('masking', 'ratio'): None,
}


def check_settings(
    model: Mapping,
    checkpoint: Mapping,
    source: str | Path,
    settings: Mapping[tuple[str, str], object],
) -> None:
    """Compare a config with the one that a checkpoint keeps, if it does.

    Args:
        model: Of the config; what its backbone's weights do not tell is
            compared too.
        checkpoint: The content of the file.
        source: Its name.
        settings: Part and name of each setting, and its default.

    Raises:
        CheckpointError: They differ.
    """
    trained = recorded_model(checkpoint)
    for (part, name), default in settings.items():
        if trained.get(part) and model.get(part):
            theirs, ours = trained[part], model[part]
            check_equal(
                source,
                f'{part}.{name}',
                theirs.get(name, default),
                ours.get(name, default),
            )
    kind = _encoder(model)
    if kind is not None:
        unseen = kind.unseen_in(**model['backbone'])
        kind.check_recorded(unseen, checkpoint, source)


def check_resumed(model: Mapping, source: str | Path) -> None:
    """Whether a training may go on from a checkpoint.

    A config with neither a decoder nor a backbone of ours passes unread.

    Args:
        model: Of the config.
        source: The checkpoint.

    Raises:
        ValueError: The config's mask ratio is none.
        CheckpointError: The checkpoint is one of another method or backbone,
            or cannot be read.
    """
    masking = model.get('masking') or {}
    if 'ratio' in masking:
        # One that cannot be is no sign of another method.
        MaskRatio(masking['ratio'])
    if model.get('decoder') or _encoder(model):
        content = read_checkpoint(str(source))
        check_settings(model, content, source, RESUMED_SETTINGS)


def _encoder(model: Mapping) -> type[Encoder] | None:
    """The class of a config's backbone, if it is one of ours."""
    name = str((model.get('backbone') or {}).get('type')).split('.')[-1]
    kind = MODELS.module_dict.get(name)
    ours = isinstance(kind, type) and issubclass(kind, Encoder)
    return kind if ours else None
