"""Messages for developers are not printed above everything else.

The data sets of mmpretrain, mmdet and mmseg say 'Could not import OneDL' at
the level DEBUG, without a logger. mmengine prints such messages whatever
their level (0.10.12).
"""

import logging
from importlib import import_module

_module = import_module('mmengine.logging')
_print_log = _module.print_log


def print_log(msg, logger=None, level: int = logging.INFO) -> None:
    """As mmengine's; without a logger, from the level INFO on."""
    if logger is not None or level >= logging.INFO:
        _print_log(msg, logger, level)


_module.print_log = print_log
