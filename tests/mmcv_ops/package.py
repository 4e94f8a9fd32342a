"""The operators in Python as they are in the checkout."""

import functools
import sys
from importlib.util import module_from_spec, spec_from_file_location

from tests.helpers import REPO

PACKAGE = REPO / 'packages' / 'mmcv-ops-torchvision'


@functools.cache
def load_extension():
    """Their `mmcv._ext`, whichever is installed.

    An installed copy that mmcv has imported must not stand in for them.
    """
    name = 'mmcv_ops_torchvision'
    for module in [m for m in sys.modules if m.split('.')[0] == name]:
        del sys.modules[module]
    sys.path.insert(0, str(PACKAGE))
    spec = spec_from_file_location('ext', PACKAGE / 'mmcv' / '_ext.py')
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(PACKAGE))
    return module
