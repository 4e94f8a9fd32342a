"""mmcv's operators in Python; Python imports a compiled `_ext` before this."""

from mmcv_ops_torchvision import *  # noqa: F403
from mmcv_ops_torchvision import missing as _missing


def __getattr__(name: str):
    """Stand in for an operator that only a compiled mmcv has.

    mmcv asks for all its operators when it is imported, so the error comes
    when one is called.
    """
    if name.startswith('_'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return _missing(name)
