"""Whether a checkpoint was trained with the method of a config.

Some settings, such as the decoder's attention mask, change no weight's shape:
a checkpoint of MAE would silently load into MAP. mmengine stores the text of
the config in its checkpoints, so both can be compared.
"""

from collections.abc import Mapping
from pathlib import Path

from mmpretrain.registry import MODELS

from ..checkpoints import read_checkpoint
from ..checkpoints.recorded import check_equal, recorded_model
from ..models.backbones.base import Encoder
from ..models.masking import MaskRatio

# Settings that change a method but no weight's shape, with their defaults.
METHOD_SETTINGS = {
    ('backbone', 'order'): 'fps',
    ('decoder', 'attention'): 'rows',
    ('decoder', 'sequence'): 'visible_first',
    ('decoder', 'num_heads'): 16,
    ('target_generator', 'norm_pix'): True,
}
# A resumed run has to keep its masking.
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
    """Compare a config with the one in a checkpoint, if it has one.

    Args:
        model: The config's model; implicit settings of its backbone are
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
        implicit = kind.implicit_settings_in(**model['backbone'])
        kind.check_recorded(implicit, checkpoint, source)


def check_resumed(model: Mapping, source: str | Path) -> None:
    """Check that a training can resume from a checkpoint.

    If the config has neither a decoder nor a backbone of ours, the checkpoint
    is not read.

    Args:
        model: The config's model.
        source: The checkpoint.

    Raises:
        ValueError: The config's mask ratio is invalid.
        CheckpointError: The checkpoint is of another method or backbone, or
            cannot be read.
    """
    masking = model.get('masking') or {}
    if 'ratio' in masking:
        # An unreadable one is no sign of another method.
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
