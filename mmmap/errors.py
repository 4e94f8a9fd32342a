"""Errors that a user can fix.

They end a command and print only their message; see ``mmmap/cli.py``. A
message says what the input was, what was expected, and what to do. All other
errors are bugs and keep their traceback.
"""


class UserError(Exception):
    """Base class of the errors that a user can fix from the message."""


class InputError(UserError, ValueError):
    """An unusable setting, argument or content of a file."""


class FileError(UserError, OSError):
    """A file or folder that cannot be read or written."""
