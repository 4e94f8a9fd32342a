"""The operators in Python as they are in the checkout."""

import sys
from importlib.util import module_from_spec, spec_from_file_location

from tests.helpers import REPO

PACKAGE = REPO / 'packages' / 'mmcv-ops-torchvision'


def load_extension():
    """Their `mmcv._ext`, whichever is installed."""
    sys.path.insert(0, str(PACKAGE))
    spec = spec_from_file_location('ext', PACKAGE / 'mmcv' / '_ext.py')
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(PACKAGE))
    return module
