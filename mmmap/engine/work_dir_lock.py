"""A lock that allows one training at a time in a work_dir."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError

NAME = '.lock'
_HELD = (errno.EACCES, errno.EAGAIN)


class WorkDirInUse(UserError):
    """Another training writes into this work_dir."""


@contextmanager
def lock_work_dir(work_dir: str | Path) -> Iterator[None]:
    """Keep other trainings out of a work_dir within this context.

    The lock belongs to this process and is not inherited by its children: it
    disappears however the process ends, and the work_dir can be resumed.

    Args:
        work_dir: Created if it does not exist.

    Raises:
        WorkDirInUse: Another process holds the lock.
    """
    path = Path(work_dir, NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'a+') as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD:
                raise WorkDirInUse(_message(path, file)) from error
            # A file system without locks: better no lock than no training.
            print(f'note: {work_dir} cannot be locked ({error.strerror})')
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}')
        file.flush()
        yield


def _message(path: Path, file) -> str:
    file.seek(0)
    holder = file.read(200).strip() or 'another process'
    return (
        f'another training writes into {path.parent} ({holder}): choose '
        'another --work-dir, or stop that training first'
    )
