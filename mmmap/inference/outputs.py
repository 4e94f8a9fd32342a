"""Predictions as files: pictures, class maps, lines of JSON, a video."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np

from ..errors import FileError
from ..wording import counted, some_of
from .label_files import LabelFile, label_file

# Files and folders of the writers below, besides videos.
WRITTEN = ('pictures', 'class_maps', 'predictions.jsonl')


@contextmanager
def new_folder(
    path: str | Path, overwrite: bool = False, source: str | Path = ''
) -> Iterator[Path]:
    """A temporary folder that gets its final name at the end.

    After an error, what was written is kept: under the folder's name, or
    beside it if the folder holds earlier predictions. A killed run leaves
    ``NAME.part-...``.

    Args:
        path: The folder.
        overwrite: Replace a folder with earlier predictions.
        source: The images, which are never replaced.

    Yields:
        A temporary folder to write into.

    Raises:
        FileExistsError: It is not empty; with ``overwrite``, it holds
            something other than predictions.
    """
    path = Path(path).resolve()
    if path.exists() and not path.is_dir():
        raise FileExistsError(f'{path} is a file; name a folder with --out')
    filled = path.is_dir() and any(path.iterdir())
    if filled and not overwrite:
        raise FileExistsError(
            f'{path} is not empty; name another folder with --out, or pass '
            '--overwrite'
        )
    if filled:
        _refuse_loss(path, Path(source).resolve())
    absent = [p for p in path.parents if not p.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f'{path.name}.part-', dir=path.parent))
    # Only their owner may read the folders of mkdtemp.
    part.chmod(0o755)
    try:
        yield part
    except BaseException:
        if any(part.iterdir()):
            kept = part if filled else part.replace(path)
            print(f'the predictions so far are in {kept}', file=sys.stderr)
        else:
            _remove(part, absent)
        raise
    if path.is_dir():
        shutil.rmtree(path)
    part.rename(path)


def _remove(part: Path, absent: Sequence[Path]) -> None:
    """Remove an empty folder and the parents that were made for it."""
    for folder in (part, *absent):
        with suppress(OSError):  # others may use it by now
            folder.rmdir()


def _refuse_loss(path: Path, source: Path) -> None:
    """Raise if replacing a folder would delete other files."""
    others = [
        part.name
        for part in sorted(path.iterdir())
        if part == source
        or (part.name not in WRITTEN and part.suffix != '.mp4')
    ]
    if others:
        raise FileExistsError(
            f'{path} holds {some_of(others, 1)}, which --overwrite would '
            'delete although it is not a prediction; name another folder with '
            '--out'
        )


class FolderWriter:
    """Writes the predictions of images into a folder.

    Args:
        folder: Gets ``pictures/NAME.png``, ``class_maps/NAME.png`` and
            ``predictions.jsonl``, each only if there is something to write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def picture(self, name: str, image: np.ndarray) -> None:
        """Write a drawn picture (H, W, 3), RGB."""
        self._image('pictures', name, image[..., ::-1])

    @contextmanager
    def class_map(
        self, name: str, size: tuple[int, int], dtype: type, source: str
    ) -> Iterator[LabelFile]:
        """Write a class map some rows at a time; remove it after an error.

        Args:
            name: Of the image.
            size: H, W.
            dtype: uint8 or uint16.
            source: File of the image.
        """
        path = self.folder / 'class_maps' / name
        file = None
        try:
            file = label_file(path, *size, dtype, source)
            yield file
            file.close()
        except BaseException as error:
            if file is not None:
                file.path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise FileError(f'cannot write {path}: {error}') from error
            raise

    def labels(self, name: str, lines: Sequence[str]) -> None:
        """Write the objects of an image in YOLO's format, a line each."""
        file = self.folder / 'labels' / f'{name}.txt'
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            file.write_text(''.join(f'{line}\n' for line in lines))
        except OSError as error:
            file.unlink(missing_ok=True)
            raise FileError(f'cannot write {file}: {error}') from error

    def prediction(self, name: str, result: dict) -> None:
        """Write a prediction; arrays become files.

        Args:
            name: Of the image.
            result: Values of JSON's types, and perhaps ``class_map``: (H, W),
                or the file that :meth:`class_map` wrote.
        """
        labels = result.get('class_map')
        if isinstance(labels, np.ndarray):
            self._image('class_maps', name, _as_stored(labels))
            result['class_map'] = f'class_maps/{name}.png'
        line = json.dumps(dict(image=name, **result)) + '\n'
        file = self.folder / 'predictions.jsonl'
        whole = file.stat().st_size if file.exists() else 0
        try:
            with open(file, 'a') as lines:
                lines.write(line)
        except OSError:
            # Half a line would make the file unreadable.
            os.truncate(file, whole)
            raise

    def _image(self, kind: str, name: str, image: np.ndarray) -> None:
        file = self.folder / kind / f'{name}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        # OpenCV crashes on names that are not UTF-8.
        content = cv2.imencode('.png', image)[1]
        try:
            file.write_bytes(content)
        except OSError as error:
            file.unlink(missing_ok=True)
            raise FileError(f'cannot write {file}: {error}') from error

    def close(self) -> None:
        """Do nothing; no file is kept open."""


def _as_stored(labels: np.ndarray) -> np.ndarray:
    """Labels with as few bits as possible; PNG has 8 or 16 per channel."""
    if labels.max() < 65536:
        return labels.astype(np.uint8 if labels.max() < 256 else np.uint16)
    # As in the panoptic format: red + 256 green + 65536 blue.
    parts = [labels // 256**power % 256 for power in (2, 1, 0)]
    return np.stack(parts, -1).astype(np.uint8)


class VideoWriter(FolderWriter):
    """A :class:`FolderWriter` whose pictures are the frames of a video.

    Args:
        folder: See :class:`FolderWriter`.
        name: Of the video, ``NAME.mp4``.
        fps: Frames per second.
    """

    def __init__(self, folder: Path, name: str, fps: float) -> None:
        super().__init__(folder)
        self.file, self.fps = folder / f'{name}.mp4', fps
        self._writer, self._frames = None, 0

    def picture(self, name: str, image: np.ndarray) -> None:
        """Append a drawn picture (H, W, 3), RGB."""
        if self._writer is None:
            self._writer = cv2.VideoWriter(
                str(self.file),
                cv2.VideoWriter.fourcc(*'mp4v'),
                self.fps,
                image.shape[1::-1],
            )
            if not self._writer.isOpened():
                raise FileError(
                    f'cannot write {self.file}: this OpenCV has no encoder '
                    "'mp4v'; use --save predictions"
                )
        self._writer.write(np.ascontiguousarray(image[..., ::-1]))
        self._frames += 1

    def close(self) -> None:
        """Finish the video.

        Raises:
            OSError: Frames are missing; OpenCV does not report a full disk.
        """
        if self._writer is None:
            return
        self._writer.release()
        capture = cv2.VideoCapture(str(self.file))
        written = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        if written != self._frames:
            raise OSError(
                f'{self.file} has {written} of '
                f'{counted(self._frames, "frame")}; is the disk full?'
            )
