"""Where predictions go: pictures, class maps, lines of JSON, a video."""

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
from .label_files import LabelFile, label_file

# What the writers below leave, besides videos.
WRITTEN = ('pictures', 'class_maps', 'predictions.jsonl')


@contextmanager
def new_folder(
    path: str | Path, overwrite: bool = False, source: str | Path = ''
) -> Iterator[Path]:
    """A folder that gets its name when all is written, or writing stops.

    What was written before an error is kept: under the folder's name, or
    beside it where that has earlier predictions. A run that is killed
    leaves ``NAME.part-...``.

    Args:
        path: The folder.
        overwrite: Replace one that holds earlier predictions.
        source: What is predicted on, which is never replaced.

    Yields:
        Another folder to write into.

    Raises:
        FileExistsError: It holds something already, or, to be replaced,
            something else than predictions.
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
    # mkdtemp's folders are for their owner alone.
    part.chmod(0o755)
    try:
        yield part
    except BaseException:
        if any(part.iterdir()):
            kept = part if filled else part.replace(path)
            print(f'what was predicted so far is in {kept}', file=sys.stderr)
        else:
            _remove(part, absent)
        raise
    if path.is_dir():
        shutil.rmtree(path)
    part.rename(path)


def _remove(part: Path, absent: Sequence[Path]) -> None:
    """Remove an empty folder and those that were made for it."""
    for folder in (part, *absent):
        with suppress(OSError):  # somebody else's by now
            folder.rmdir()


def _refuse_loss(path: Path, source: Path) -> None:
    """Raise where replacing a folder would delete what is no prediction."""
    others = [
        part.name
        for part in sorted(path.iterdir())
        if part == source
        or (part.name not in WRITTEN and part.suffix != '.mp4')
    ]
    if others:
        more = f' and {len(others) - 1} more' if others[1:] else ''
        raise FileExistsError(
            f'{path} holds {others[0]}{more}, which --overwrite would delete '
            'and which is no earlier prediction; name another folder with '
            '--out'
        )


class FolderWriter:
    """Writes what was predicted of each image into a folder.

    Args:
        folder: Gets ``pictures/NAME.png``, ``class_maps/NAME.png`` and
            ``predictions.jsonl``, as far as there is something for them.
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
        """Write a class map some rows at a time; none is left of an error.

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
        """Write the objects of an image as YOLO has them, a line each."""
        file = self.folder / 'labels' / f'{name}.txt'
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            file.write_text(''.join(f'{line}\n' for line in lines))
        except OSError as error:
            file.unlink(missing_ok=True)
            raise FileError(f'cannot write {file}: {error}') from error

    def prediction(self, name: str, told: dict) -> None:
        """Write a prediction; what is an array becomes a file.

        Args:
            name: Of the image.
            told: Of JSON's types, and perhaps ``class_map``, (H, W), or the
                file that :meth:`class_map` wrote.
        """
        labels = told.get('class_map')
        if isinstance(labels, np.ndarray):
            self._image('class_maps', name, _as_stored(labels))
            told['class_map'] = f'class_maps/{name}.png'
        line = json.dumps(dict(image=name, **told)) + '\n'
        file = self.folder / 'predictions.jsonl'
        whole = file.stat().st_size if file.exists() else 0
        try:
            with open(file, 'a') as lines:
                lines.write(line)
        except OSError:
            # Half a line would spoil those before it.
            os.truncate(file, whole)
            raise

    def _image(self, room: str, name: str, image: np.ndarray) -> None:
        file = self.folder / room / f'{name}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        # OpenCV crashes on names that are not UTF-8.
        content = cv2.imencode('.png', image)[1]
        try:
            file.write_bytes(content)
        except OSError as error:
            file.unlink(missing_ok=True)
            raise FileError(f'cannot write {file}: {error}') from error

    def close(self) -> None:
        """Nothing is kept open."""


def _as_stored(labels: np.ndarray) -> np.ndarray:
    """Labels in as few bits as hold them; PNG has 8 or 16 of one channel."""
    if labels.max() < 65536:
        return labels.astype(np.uint8 if labels.max() < 256 else np.uint16)
    # As the panoptic format has them: red + 256 green + 65536 blue.
    parts = [labels // 256**power % 256 for power in (2, 1, 0)]
    return np.stack(parts, -1).astype(np.uint8)


class VideoWriter(FolderWriter):
    """As :class:`FolderWriter`, the pictures as the frames of a video.

    Args:
        folder: As there.
        name: Of the video, ``NAME.mp4``.
        fps: Frames a second.
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
                    "'mp4v'; take --save predictions"
                )
        self._writer.write(np.ascontiguousarray(image[..., ::-1]))
        self._frames += 1

    def close(self) -> None:
        """Finish the video.

        Raises:
            OSError: It lacks frames: OpenCV says nothing of a full disk.
        """
        if self._writer is None:
            return
        self._writer.release()
        capture = cv2.VideoCapture(str(self.file))
        written = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        if written != self._frames:
            raise OSError(
                f'{self.file} holds {written} of {self._frames} frames; is '
                'the disk full?'
            )
