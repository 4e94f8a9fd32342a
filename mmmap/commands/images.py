"""What is in a folder of images, without decoding them."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..datasets.image_files import Header, read_header
from ..datasets.image_folders import images_in
from ..errors import FileError, InputError
from ..wording import some_of

_FEWEST = 2


@dataclass(frozen=True)
class Images:
    """The images of a folder.

    Attributes:
        folder: Absolute.
        names: Paths below it, with ``/``, sorted.
        headers: Of each image.
        unreadable: Why each that cannot be opened cannot.
    """

    folder: Path
    names: list[str]
    headers: list[Header]
    unreadable: list[str]

    @property
    def width(self) -> int:
        """The median, in pixels."""
        return int(np.median([h.width for h in self.headers]))

    @property
    def height(self) -> int:
        """The median, in pixels."""
        return int(np.median([h.height for h in self.headers]))

    @property
    def short_edge(self) -> int:
        """The median, in pixels."""
        edges = [min(h.width, h.height) for h in self.headers]
        return int(np.median(edges))

    def __str__(self) -> str:
        kinds = Counter(Path(n).suffix.lower().lstrip('.') for n in self.names)
        sizes = {(h.width, h.height) for h in self.headers}
        shown = f'{self.width}x{self.height}'
        if len(sizes) > 1:
            shown = f'{shown} in the median, {len(sizes)} sizes'
        suffixes = ', '.join(f'{n} {kind}' for kind, n in kinds.most_common())
        return f'{len(self.names):,} images ({suffixes}), {shown}'


def look(folder: str | Path, what: str = 'images') -> Images:
    """Read the header of every image of a folder.

    Args:
        folder: With images in it or below it.
        what: They are, for messages.

    Raises:
        FileError: There is no such folder.
        InputError: It holds no images that can be opened.
    """
    folder = Path(folder).expanduser().absolute()
    if not folder.exists():
        raise FileError(f'{folder} does not exist; name the folder of {what}')
    if not folder.is_dir():
        raise FileError(f'{folder} is a file; name the folder that holds it')
    files = images_in(folder, what)
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(read_header, files))
    bad = [header for header in found if isinstance(header, str)]
    pairs = [
        (Path(file).relative_to(folder).as_posix(), header)
        for file, header in zip(files, found)
        if isinstance(header, Header)
    ]
    if not pairs:
        raise InputError(
            f'none of the {len(files)} files in {folder} can be opened as an '
            f'image: {some_of(bad)}'
        )
    names, headers = zip(*pairs)
    return Images(folder, list(names), list(headers), bad)


def at_least_two(names: Sequence[str], what: str) -> None:
    """Refuse what cannot be split.

    Raises:
        InputError: There is one image, or none.
    """
    if len(names) < _FEWEST:
        raise InputError(
            f'{len(names)} {what}, expected at least {_FEWEST}: one for '
            'training and one for validation'
        )
