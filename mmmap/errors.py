"""What a user can fix.

These errors end a command in their message alone; see ``mmmap/cli.py``. A
message says what came, what was expected and what to do. All other errors are
bugs and keep their traceback.
"""


class UserError(Exception):
    """Base of the errors whose message is all that a user needs."""


class InputError(UserError, ValueError):
    """A setting, an argument or the content of a file that cannot be used."""


class FileError(UserError, OSError):
    """A file or folder that cannot be read or written."""
