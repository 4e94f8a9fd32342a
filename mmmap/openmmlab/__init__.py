"""All changes that mmmap makes in OpenMMLab's packages, in one table.

``import mmmap`` imports none of them. Each change is applied when the module
it concerns is imported, or immediately if it was imported before.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder

# OpenMMLab's module -> our module, which changes it and says why.
CHANGES = {
    'mmengine.logging': 'quiet',
    'mmengine.config': 'config_paths',
    'mmengine.config.config': 'config_text',
    'mmengine.registry': 'registration',
    'mmengine.fileio': 'checkpoint_writing',
    'mmengine.model': 'data_preprocessor',
    'mmengine.runner': 'checkpoint_loading',
    'mmpretrain.utils.dependency': 'multimodal',
    'mmpretrain.apis.model': 'model_hub',
    'mmdet.models': 'detection_layers',
}
# Modules that run as if a package were not installed: they need it only
# optionally, and the change above adds that part once it is imported.
WITHOUT = {'mmpretrain.models.utils.res_layer_extra_norm': 'mmdet'}


class _AfterImport(MetaPathFinder):
    """Finds modules as Python does, and applies our change after import."""

    def find_spec(self, name, path=None, target=None):
        if name in sys.modules or not (name in CHANGES or name in WITHOUT):
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, specs), None)
        if spec is not None:
            run = spec.loader.exec_module

            def run_and_change(module):
                with _without(WITHOUT.get(name)):
                    run(module)
                _change(name)

            spec.loader.exec_module = run_and_change
        return spec


@contextmanager
def _without(package: str | None) -> Iterator[None]:
    """Refuse to import a package, unless it is imported already."""
    refused = package is not None and package not in sys.modules
    if refused:
        sys.modules[package] = None
    try:
        yield
    finally:
        if refused:
            del sys.modules[package]


def _change(name: str) -> None:
    if name in CHANGES:
        import_module(f'{__name__}.{CHANGES[name]}')


def attach() -> None:
    """Apply the changes, now or when their modules are imported."""
    if any(isinstance(finder, _AfterImport) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _AfterImport())
    for name in CHANGES:
        if name in sys.modules:
            _change(name)
