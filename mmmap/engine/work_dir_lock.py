"""One training at a time in a work_dir."""

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
    """A work_dir that another training writes into."""


@contextmanager
def lock_work_dir(work_dir: str | Path) -> Iterator[None]:
    """Keep other trainings out of a work_dir while the context lasts.

    The lock belongs to this process alone, its children do not inherit it:
    however the process ends, it is gone, and the work_dir can be resumed.

    Args:
        work_dir: Made if it is not there.

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
                raise WorkDirInUse(_told(path, file)) from error
            # A file system without locks: better unlocked than not at all.
            print(f'note: {work_dir} cannot be locked ({error.strerror})')
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}')
        file.flush()
        yield


def _told(path: Path, file) -> str:
    file.seek(0)
    holder = file.read(200).strip() or 'another process'
    return (
        f'another training writes into {path.parent} ({holder}): give this '
        'one another --work-dir, or end that one first'
    )
