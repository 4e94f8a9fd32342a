"""Where the images to predict come from: files, folders, videos."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..datasets.checks import IMAGE_SUFFIXES, list_images
from ..errors import InputError

VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.webm')


class Frame(NamedTuple):
    """One image.

    Args:
        name: Of the files that are written, may have folders.
        image: (H, W, 3), BGR, 0..255.
    """

    name: str
    image: np.ndarray


class Pictures:
    """Image files, all looked at before the first is given out.

    Args:
        path: An image, or a folder with images in it or below it.
        skip_bad: Leave out what cannot be read, instead of refusing all.

    Attributes:
        skipped: Files that were left out.

    Raises:
        InputError: No images, or some that cannot be read.
    """

    def __init__(self, path: Path, skip_bad: bool = False) -> None:
        files = [path]
        if path.is_dir():
            files = [Path(file) for file in list_images(path)]
            if not files:
                raise InputError(
                    f'{path} holds no images, nor do the folders in it; '
                    f'their names end in {", ".join(IMAGE_SUFFIXES)}'
                )
        root = path if path.is_dir() else path.parent
        self.skipped = [file for file in files if _read(file) is None]
        self._files = _named(
            [file for file in files if file not in self.skipped], root
        )
        if self.skipped and (not skip_bad or not self._files):
            shown = ', '.join(map(str, self.skipped[:3]))
            rest = ', ...' if len(self.skipped) > 3 else ''
            raise InputError(
                f'{len(self.skipped)} of {len(files)} images cannot be read: '
                f'{shown}{rest}; replace them, or leave them out with '
                '--skip-bad'
            )

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Frame]:
        for name, file in self._files.items():
            image = _read(file)
            if image is None:
                raise InputError(f'{file} cannot be read any more')
            yield Frame(name, image)


class Video:
    """The frames of a video file.

    Args:
        path: The file.
        skip_bad: Take what there is of a video that breaks off.

    Attributes:
        fps: Frames a second.
        skipped: Frames that were announced and are not there.

    Raises:
        InputError: It is no video; while it is read: it breaks off.
    """

    def __init__(self, path: Path, skip_bad: bool = False) -> None:
        self.path, self.skip_bad = path, skip_bad
        self.skipped: list[str] = []
        capture = cv2.VideoCapture(str(path))
        readable, _ = capture.read() if capture.isOpened() else (False, None)
        if not readable:
            raise InputError(
                f'{path} cannot be read as a video; copy it again, or convert '
                'it to MP4'
            )
        self.fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        self._frames = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        capture.release()

    def __len__(self) -> int:
        return self._frames

    def __iter__(self) -> Iterator[Frame]:
        capture, index = cv2.VideoCapture(str(self.path)), 0
        try:
            while True:
                there, image = capture.read()
                if not there:
                    break
                yield Frame(f'{self.path.stem}_{index:06d}', image)
                index += 1
        finally:
            capture.release()
        if index < self._frames:
            self._broken_off(index)

    def _broken_off(self, index: int) -> None:
        missing = range(index, self._frames)
        self.skipped = [f'frame {i}' for i in missing]
        if not self.skip_bad:
            raise InputError(
                f'{self.path} breaks off after {index} of {self._frames} '
                'frames; copy it again, or take what there is with --skip-bad'
            )


def source_of(path: str | Path, skip_bad: bool = False) -> Pictures | Video:
    """What is at a path: an image, a folder of images, a video.

    Raises:
        InputError: Nothing, or neither of them.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f'there is nothing at {path}; correct the path')
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in IMAGE_SUFFIXES:
        return Pictures(path, skip_bad)
    if suffix in VIDEO_SUFFIXES:
        return Video(path, skip_bad)
    raise InputError(
        f'{path} is no image ({", ".join(IMAGE_SUFFIXES)}), no video '
        f'({", ".join(VIDEO_SUFFIXES)}) and no folder'
    )


def _read(file: Path) -> np.ndarray | None:
    """As OpenMMLab's pipelines do: 8-bit BGR, whatever is in the file."""
    content = np.fromfile(file, np.uint8)
    if not len(content):
        return None
    try:
        return cv2.imdecode(content, cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def _named(files: list[Path], root: Path) -> dict[str, Path]:
    """Files by their place below a folder, without a suffix if that does."""
    short = Counter(file.with_suffix('') for file in files)
    return {
        str(
            (file if short[file.with_suffix('')] > 1 else file.with_suffix(''))
            .relative_to(root)
            .as_posix()
        ): file
        for file in files
    }
