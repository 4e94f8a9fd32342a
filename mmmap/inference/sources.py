"""Images to predict on: files, folders, videos."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..datasets.image_folders import IMAGE_SUFFIXES, images_in, named_files
from ..datasets.image_reader import ImageReader, ReadingError
from ..errors import InputError
from ..wording import counted

VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.webm')


class Frame(NamedTuple):
    """One image.

    Args:
        name: Name of its results, perhaps with folders.
        data: The results of the config's loading steps.
    """

    name: str
    data: dict

    @property
    def image(self) -> np.ndarray:
        """(H, W) or (H, W, C), with the bits that the config reads."""
        return self.data['img']


class Pictures:
    """Image files, all of which are read once at the start.

    Args:
        path: An image, or a folder with images in it or below it.
        reader: Reads them as the model's config does.
        skip_bad: Skip unreadable images instead of refusing all.

    Attributes:
        bad: The reason for each unusable file, by its name.

    Raises:
        InputError: There are no images, or unreadable ones.
    """

    def __init__(
        self, path: Path, reader: ImageReader, skip_bad: bool = False
    ) -> None:
        files, root = [path], path.parent
        if path.is_dir():
            suffixes = (*IMAGE_SUFFIXES, *reader.suffixes)
            files, root = images_in(path, suffixes=suffixes), path
        self.reader, self.bad = reader, {}
        for file in files:
            self._read(file)
        if self.bad and (not skip_bad or len(self.bad) == len(files)):
            shown = '; '.join(list(self.bad.values())[:3])
            rest = '; ...' if len(self.bad) > 3 else ''
            raise InputError(
                f'{len(self.bad)} of {counted(len(files), "image")} cannot be '
                f'read: {shown}{rest}. Replace them, or skip them with '
                '--skip-bad'
            )
        files = [file for file in files if str(file) not in self.bad]
        self._files = named_files(files, root)

    def _read(self, file: Path) -> dict | None:
        try:
            return self.reader.read(file)
        except ReadingError as error:
            self.bad[str(file)] = str(error)
            return None

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Frame]:
        for name, file in self._files.items():
            data = self._read(file)
            if data is not None:
                yield Frame(name, data)


class Video:
    """The frames of a video file.

    Headers of videos often count too many frames; ``note`` then says how many
    there were.

    Args:
        path: The file.
        reader: Reads the frames as the model's config does.

    Attributes:
        fps: Frames per second.
        bad: As in :class:`Pictures`.
        note: After the last frame, a sentence if frames were missing, else
            empty.

    Raises:
        InputError: It is not a video.
    """

    def __init__(self, path: Path, reader: ImageReader) -> None:
        self.path, self.reader = path, reader
        self.bad: dict[str, str] = {}
        self.note = ''
        _refuse_encoding(path)
        capture = cv2.VideoCapture(str(path))
        readable, _ = capture.read() if capture.isOpened() else (False, None)
        if not readable:
            raise InputError(
                f'{path} cannot be read as a video; copy it again, or convert '
                'it to MP4'
            )
        self.fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        self._announced = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        capture.release()

    def __len__(self) -> int:
        return self._announced

    def __iter__(self) -> Iterator[Frame]:
        capture, index = cv2.VideoCapture(str(self.path)), 0
        try:
            while True:
                there, image = capture.read()
                if not there:
                    break
                name = f'{self.path.stem}_{index:06d}'
                yield Frame(name, self.reader.read_frame(image, name))
                index += 1
        finally:
            capture.release()
        if index < self._announced:
            self.note = (
                f'{self.path} has {index} of the {self._announced} frames '
                'that its header counts; the header may be wrong, or the '
                'video incomplete'
            )


def source_of(
    path: str | Path, reader: ImageReader, skip_bad: bool = False
) -> Pictures | Video:
    """The images at a path: an image, a folder of images, a video.

    Raises:
        InputError: The path has none of these.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f'{path} does not exist; correct the path')
    suffix = path.suffix.lower()
    images = (*IMAGE_SUFFIXES, *reader.suffixes)
    if path.is_dir() or suffix in images:
        return Pictures(path, reader, skip_bad)
    if suffix in VIDEO_SUFFIXES:
        return Video(path, reader)
    try:
        reader.read(path)
    except ReadingError as error:
        raise InputError(
            f'{path} is not an image ({", ".join(images)}), a video '
            f'({", ".join(VIDEO_SUFFIXES)}) or a folder'
        ) from error
    return Pictures(path, reader, skip_bad)


def _refuse_encoding(path: Path) -> None:
    """Raise if OpenCV would crash."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f'the name of the video {path} is not UTF-8, and OpenCV cannot '
            'open it; rename it'
        ) from error
