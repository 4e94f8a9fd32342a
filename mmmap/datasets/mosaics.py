"""Scenes composed of photographs that ship in Python packages.

A scene is a crop of one photograph with pieces of others on it; the task is
to find which photograph each pixel is from. Training and validation scenes are
random crops of the same photographs. One photograph is used in no scene.

Letters: S edge of a scene in pixels.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from ..errors import FileError

SPLITS = ('train', 'val')
EDGE = 256  # pixels of a photograph's shorter side
CROP = (0.35, 0.9)  # edge of a crop, as a part of what may be cut from
RADIUS = (0.14, 0.3)  # of a piece, as a part of S
MIN_AREA = 16  # pixels of an instance that can be seen

_SKIMAGE = 'scikit-image', '0.26.0', 'skimage', 'data'
_SKLEARN = 'scikit-learn', '1.7.2', 'sklearn', 'datasets/images'


@dataclass(frozen=True)
class Photograph:
    """A photograph, free to use, in an installed package.

    Attributes:
        name: What it shows; the name of its class.
        package: Distribution, tested version, import name, folder.
        file: Name in that folder.
        author: The photographer.
        licence: Its licence.
    """

    name: str
    package: tuple[str, str, str, str]
    file: str
    author: str
    licence: str

    def path(self) -> Path:
        """The file.

        Raises:
            FileError: The package is not installed, or lacks it.
        """
        package, version, module, folder = self.package
        spec = find_spec(module)
        if spec is None:
            problem = f'{package}, which is not installed'
        else:
            path = Path(spec.origin).parent / folder / self.file
            if path.is_file():
                return path
            problem = f'{package}, which has no {folder}/{self.file} here'
        raise FileError(
            f'the photograph of the {self.name} ships in {problem}; '
            f'pip install {package}=={version}'
        )


# Licences as scikit-image's skimage.data and scikit-learn's
# datasets/images/README.txt state them. Photographs without a stated licence
# are not used.
PHOTOGRAPHS = [
    Photograph(
        'astronaut', _SKIMAGE, 'astronaut.png', 'NASA', 'public domain'
    ),
    Photograph('coffee', _SKIMAGE, 'coffee.png', 'Rachel Michetti', 'CC0'),
    Photograph(
        'galaxies', _SKIMAGE, 'hubble_deep_field.jpg', 'NASA', 'public domain'
    ),
    Photograph(
        'tissue',
        _SKIMAGE,
        'ihc.png',
        'Center for Microscopy And Molecular Imaging',
        'no known copyright restrictions',
    ),
    Photograph('retina', _SKIMAGE, 'retina.jpg', 'Mikael Häggström', 'CC0'),
    Photograph('rocket', _SKIMAGE, 'rocket.jpg', 'SpaceX', 'public domain'),
    Photograph('pagoda', _SKLEARN, 'china.jpg', 'danielbuechele', 'CC BY 2.0'),
    Photograph('flower', _SKLEARN, 'flower.jpg', 'vultilion', 'CC BY 2.0'),
]
HELD_OUT = Photograph(
    'cat', _SKIMAGE, 'chelsea.png', 'Stefan van der Walt', 'CC0'
)
CLASSES = [photograph.name for photograph in PHOTOGRAPHS]
THINGS = ['piece']  # classes of the boxes: whatever lies on the ground
# Scenes of a set.
COUNTS = dict(unlabelled=4000, labelled=100, val=200)


@dataclass
class Scene:
    """An image and the photographs in it.

    Attributes:
        image: (S, S, 3) uint8, RGB.
        owner: (S, S) int, 0 the ground, k the k-th piece laid on it.
        classes: Index of the photograph of the ground and of each piece.
    """

    image: np.ndarray
    owner: np.ndarray
    classes: list[int]

    def semantic(self) -> np.ndarray:
        """Class map (S, S) uint8: 1 the first photograph; nothing is void."""
        return (np.array(self.classes) + 1).astype(np.uint8)[self.owner]

    def instances(self) -> list[tuple[int, np.ndarray]]:
        """Index in ``THINGS`` and mask (S, S) bool of each visible piece."""
        masks = [self.owner == k for k in range(1, len(self.classes))]
        return [(0, m) for m in masks if m.sum() >= MIN_AREA]


def read_photograph(photograph: Photograph, edge: int = EDGE) -> np.ndarray:
    """Pixels (H, W, 3), uint8, RGB; the shorter side is ``edge``."""
    pixels = cv2.imread(str(photograph.path()))[..., ::-1]
    scale = edge / min(pixels.shape[:2])
    size = [round(side * scale) for side in pixels.shape[1::-1]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


class MosaicMaker:
    """Creates any scene of the set from its index alone.

    Args:
        seed: Non-negative integer.
        size: S.

    Raises:
        FileError: A photograph is missing.
    """

    def __init__(self, seed: int, size: int) -> None:
        self.seed, self.size = seed, size
        self.photographs = [read_photograph(p) for p in PHOTOGRAPHS]

    def scene(self, split: str, index: int) -> Scene:
        """The scene at an index of ``'train'`` or ``'val'``."""
        stream = [self.seed, SPLITS.index(split), index]
        rng = np.random.default_rng(stream)
        classes = rng.permutation(len(CLASSES))[: rng.integers(3, 5)].tolist()
        ground, *pieces = (
            _crop(rng, self.photographs[c], self.size) for c in classes
        )
        owner = np.zeros((self.size, self.size), int)
        for number, piece in enumerate(pieces, 1):
            inside = _blob(rng, self.size)
            ground[inside] = piece[inside]
            owner[inside] = number
        return Scene(ground, owner, classes)


def _crop(rng, pixels: np.ndarray, size: int) -> np.ndarray:
    """A random square crop, possibly flipped, (S, S, 3)."""
    height, width = pixels.shape[:2]
    edge = int(min(height, width) * rng.uniform(*CROP))
    top, left = rng.integers(0, [height - edge + 1, width - edge + 1])
    square = pixels[top : top + edge, left : left + edge]
    square = cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)
    return square[:, ::-1].copy() if rng.random() < 0.5 else square


def _blob(rng, size: int) -> np.ndarray:
    """The mask of a round piece, (S, S) bool."""
    corners = 8
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radii = size * rng.uniform(*RADIUS) * rng.uniform(0.6, 1.3, corners)
    centre = size * rng.uniform(0.25, 0.75, 2)
    directions = np.stack([np.cos(angles), np.sin(angles)], 1)
    points = np.round(centre + radii[:, None] * directions).astype(np.int32)
    inside = np.zeros((size, size), np.uint8)
    cv2.fillPoly(inside, [points], 1)
    smooth = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), size / 43)
    return smooth > 0.5
