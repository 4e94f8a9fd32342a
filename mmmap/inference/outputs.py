"""Where predictions go: pictures, class maps, lines of JSON, a video."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np

from ..errors import FileError

# What the writers below leave, besides videos.
WRITTEN = ('pictures', 'class_maps', 'predictions.jsonl')


@contextmanager
def new_folder(
    path: str | Path, overwrite: bool = False, source: str | Path = ''
) -> Iterator[Path]:
    """A folder that is there under its name only when all went well.

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
    part = path.with_name(f'.{path.name}.part-{os.getpid()}')
    part.mkdir()
    try:
        yield part
        if path.is_dir():
            shutil.rmtree(path)
        part.rename(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        for parent in absent:
            with suppress(OSError):  # somebody else's by now
                parent.rmdir()
        raise


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

    def prediction(self, name: str, told: dict) -> None:
        """Write a prediction; what is an array becomes a file.

        Args:
            name: Of the image.
            told: Of JSON's types, and perhaps ``class_map``, (H, W).
        """
        labels = told.pop('class_map', None)
        if labels is not None:
            depth = np.uint8 if labels.max() < 256 else np.uint16
            self._image('class_maps', name, labels.astype(depth))
            told['class_map'] = f'class_maps/{name}.png'
        with open(self.folder / 'predictions.jsonl', 'a') as file:
            file.write(json.dumps(dict(image=name, **told)) + '\n')

    def _image(self, room: str, name: str, image: np.ndarray) -> None:
        file = self.folder / room / f'{name}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(file), image):
            raise FileError(f'cannot write {file}; is the disk full?')

    def close(self) -> None:
        """Nothing is kept open."""


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
        self._writer = None

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

    def close(self) -> None:
        """Finish the video."""
        if self._writer is not None:
            self._writer.release()
