"""Our classes are registered when one is first looked up in a registry.

Importing them imports OpenMMLab's models, which takes seconds. Registries
have ``locations`` for this, except mmengine's own, which hold our hooks for
mmdet and mmseg too.
"""

from importlib import import_module

from mmengine.registry import Registry

from ..errors import UserError

REGISTERING = (
    'engine',
    'evaluation',
    'datasets.channels',
    'datasets.few_shot',
    'datasets.image_memory',
    'datasets.points',
    'models.backbones',
    'models.classifiers',
    'models.data_preprocessors',
    'models.decoders',
    'models.heads',
    'models.necks',
    'models.segmentors',
    'models.selfsup',
)
_get = Registry.get


class StackError(UserError, ImportError):
    """The installed OpenMMLab packages do not work together."""


def register() -> None:
    """Import all modules that register something.

    Raises:
        StackError: A package that OpenMMLab needs is missing or broken.
    """
    # Once: the imported modules may look something up.
    Registry.get = _get
    package = __package__.partition('.')[0]
    try:
        for module in REGISTERING:
            import_module(f'{package}.{module}')
    except Exception as error:  # a broken stack raises anything
        raise StackError(
            f'{package}: the installed OpenMMLab stack cannot be used: '
            f'{error}. Run `python -m mmmap.doctor` to see what is wrong and '
            'the commands that fix it'
        ) from error


def _register_and_get(self: Registry, key: str):
    register()
    return self.get(key)


Registry.get = _register_and_get
