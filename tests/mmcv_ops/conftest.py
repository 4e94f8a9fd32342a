import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / 'packages' / 'mmcv-ops-torchvision'


@pytest.fixture(scope='session')
def extension():
    """`mmcv._ext` of the checkout, whichever is installed."""
    sys.path.insert(0, str(PACKAGE))
    spec = spec_from_file_location('ext', PACKAGE / 'mmcv' / '_ext.py')
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(str(PACKAGE))
    return module


@pytest.fixture
def ops(extension, monkeypatch):
    """`mmcv.ops`, calling the operators of the checkout."""
    import mmcv.ops

    for name, module in list(sys.modules.items()):
        if name.startswith('mmcv.ops.') and hasattr(module, 'ext_module'):
            monkeypatch.setattr(module, 'ext_module', extension)
    return mmcv.ops
