"""mmpretrain works with transformers 5, except its multimodal models.

mmpretrain (1.3.6) imports names that transformers 5 no longer has, replaces
some of them by None, and then fails to import: 'NoneType takes no arguments'.
As without transformers, its multimodal models become placeholders that say
what they need.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

TOO_NEW = 5
_dependency = import_module('mmpretrain.utils.dependency')


def _transformers() -> str:
    try:
        return version('transformers')
    except PackageNotFoundError:
        return '0'


def register_placeholders(names, registry) -> None:
    """mmpretrain's placeholder, with the command that helps."""

    def refuse(*args, **kwargs):
        raise ImportError(
            "mmpretrain's multimodal models need transformers before "
            f'{TOO_NEW}, this is {_transformers()}: pip install '
            f'"transformers<{TOO_NEW}"'
        )

    for name in names:
        registry.register_module(name=name, module=refuse)


if int(_transformers().split('.')[0]) >= TOO_NEW:
    _dependency.WITH_MULTIMODAL = False
    _dependency.register_multimodal_placeholder = register_placeholders
