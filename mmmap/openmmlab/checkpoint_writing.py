"""mmengine writes local files completely or not at all.

CheckpointHook rewrites a checkpoint after the best validation so far. A run
killed at that moment would leave half a file in place of a complete one. It
also removes an old checkpoint, perhaps the only one, before writing the next.
"""

import os
from pathlib import Path
from typing import ClassVar

from mmengine.fileio import LocalBackend, register_backend


class WholeFileBackend(LocalBackend):
    """mmengine's backend, with files that get their name once written.

    A removed checkpoint stays until the next one is written.
    """

    _outdated: ClassVar[set[Path]] = set()

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to a file.

        Args:
            obj: The bytes.
            filepath: The file; its folder is created.
        """
        path = Path(filepath)
        # One fixed name, so that killed runs do not fill the disk.
        part = path.with_name(f'.{path.name}.part')
        try:
            super().put(obj, part)
            with open(part, 'rb') as file:
                # Otherwise the name may reach the disk before the content.
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
