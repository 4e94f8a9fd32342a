import sys

import pytest

from tests.mmcv_ops.package import load_extension


@pytest.fixture(scope='session')
def extension():
    """`mmcv._ext` of the checkout, whichever is installed."""
    return load_extension()


@pytest.fixture
def ops(extension, monkeypatch):
    """`mmcv.ops`, calling the operators of the checkout."""
    import mmcv.ops

    for name, module in list(sys.modules.items()):
        if name.startswith('mmcv.ops.') and hasattr(module, 'ext_module'):
            monkeypatch.setattr(module, 'ext_module', extension)
    return mmcv.ops
