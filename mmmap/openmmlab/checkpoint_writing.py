"""mmengine's writing of local files: all of a file or nothing.

CheckpointHook writes a checkpoint a second time after a validation that was
the best so far. A run that is killed meanwhile would leave half of it in the
place of the one that was whole. It also removes an old checkpoint, perhaps the
only one, before it writes the next.
"""

import os
from pathlib import Path
from typing import ClassVar

from mmengine.fileio import LocalBackend, register_backend


class WholeFileBackend(LocalBackend):
    """mmengine's, whose files get their name only once they are written.

    A checkpoint that is to be removed stays until the next is written.
    """

    _outdated: ClassVar[set[Path]] = set()

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file.

        Args:
            obj: What it is to hold.
            filepath: Its folder is made.
        """
        path = Path(filepath)
        # Of one name, so that killed runs do not fill the disk.
        part = path.with_name(f'.{path.name}.part')
        try:
            super().put(obj, part)
            with open(part, 'rb') as file:
                # Names reach the disk before contents do.
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        while self._outdated:
            old = self._outdated.pop()
            if old != path.absolute():
                old.unlink(missing_ok=True)

    def remove(self, filepath: str | Path) -> None:
        """Remove a file; a checkpoint once the next one is written.

        Args:
            filepath: The file.
        """
        path = Path(filepath)
        if path.suffix == '.pth' and path.is_file():
            self._outdated.add(path.absolute())
        else:
            super().remove(filepath)


# '' is the prefix of local files.
register_backend('local', WholeFileBackend, force=True, prefixes='')
