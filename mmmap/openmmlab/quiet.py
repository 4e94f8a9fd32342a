"""Debug messages are not printed.

The data sets of mmpretrain, mmdet and mmseg log 'Could not import OneDL' at
level DEBUG, without a logger. mmengine (0.10.12) prints such messages at any
level.
"""

import logging
from importlib import import_module

_module = import_module('mmengine.logging')
_print_log = _module.print_log


def print_log(msg, logger=None, level: int = logging.INFO) -> None:
    """mmengine's function; without a logger, it prints from level INFO."""
    if logger is not None or level >= logging.INFO:
        _print_log(msg, logger, level)


_module.print_log = print_log
