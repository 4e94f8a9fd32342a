"""mmengine's writing of local files: all of a file or nothing.

CheckpointHook writes a checkpoint a second time after a validation that was
the best so far. A run that is killed meanwhile would leave half of it in the
place of the one that was whole.
"""

import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend


class WholeFileBackend(LocalBackend):
    """mmengine's, whose files get their name only once they are written."""

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
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


# '' is the prefix of local files.
register_backend('local', WholeFileBackend, force=True, prefixes='')
