"""Scenes of handwritten digits on textures, drawn from a seed.

The digits are the 1,797 scans (8x8) of scikit-learn's ``load_digits``, which
ship in the package; the textures are sums of gratings, checkers, smooth
noise and slopes. Every picture depends on its place in the set alone, not on
how many there are, and validation uses scans, and random streams, that
training never sees.

Letters: S edge of a picture in pixels.
"""

import colorsys
from dataclasses import dataclass

import cv2
import numpy as np

SPLITS = ('train', 'val')
NUM_TRAIN_SCANS = 1437  # the scans come writer by writer: no random split
MIN_VISIBLE = 0.35  # of an instance's own area, or it becomes void
MIN_AREA = 16  # pixels, likewise
VOID, BACKGROUND = 0, 1  # values of the semantic annotation


@dataclass
class Scene:
    """A picture and what is visible in it.

    Attributes:
        image: (S, S, 3) uint8, RGB.
        owner: (S, S) int, 0 the background, k the k-th digit drawn.
        digits: The value (0..9) of each digit drawn.
        scans: The index in ``load_digits`` of each digit drawn.
        kept: Whether enough of each digit is visible.
    """

    image: np.ndarray
    owner: np.ndarray
    digits: list
    scans: list
    kept: list

    def semantic(self):
        """Class map (S, S) uint8: 0 void, 1 background, 2..11 digits."""
        values = [
            digit + 2 if kept else VOID
            for digit, kept in zip(self.digits, self.kept, strict=True)
        ]
        return np.array([BACKGROUND, *values], np.uint8)[self.owner]

    def instances(self):
        """Value and mask (S, S) bool of each digit that is kept."""
        numbered = enumerate(zip(self.digits, self.kept, strict=True), 1)
        return [(d, self.owner == n) for n, (d, kept) in numbered if kept]


def _grid(size):
    """Coordinates x, y in [-1, 1], each (size, size)."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    return np.meshgrid(line, line)


def _along(rng, size):
    """Coordinate along a random direction, (size, size)."""
    x, y = _grid(size)
    angle = rng.uniform(0, 2 * np.pi)
    return x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))


def _grating(rng, size):
    frequency, phase = rng.uniform([4, 0], [24, 6]).astype(np.float32)
    return np.sin(frequency * _along(rng, size) + phase)


def _checker(rng, size):
    frequency = np.float32(rng.uniform(4, 14))
    first, second = (np.sin(frequency * _along(rng, size)) for _ in range(2))
    return np.tanh(8 * first * second)


def _smooth_noise(rng, size):
    cells = int(rng.integers(3, 12))
    noise = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)


TEXTURES = [_grating, _checker, _smooth_noise, _along]


# Bright digits on darker ground, which can be learned in minutes.
GROUND, PAINT = (0.1, 0.5), (0.85, 1.0)


def _colour(rng, brightness):
    hue, saturation = rng.random(2)
    value = rng.uniform(*brightness)
    rgb = colorsys.hsv_to_rgb(hue, 0.1 + 0.8 * saturation, value)
    return np.array(rgb, np.float32)


def make_background(rng, size):
    """A textured picture, (size, size, 3) float32, about [0, 1]."""
    kinds = rng.choice(len(TEXTURES), 3)
    weights = rng.dirichlet(np.ones(3)).astype(np.float32)
    field = sum(
        w * TEXTURES[k](rng, size) for w, k in zip(weights, kinds, strict=True)
    )
    contrast = np.float32(rng.uniform(0.2, 0.5))
    field = 0.5 + contrast * np.clip(field, -1, 1)
    first, second = _colour(rng, GROUND), _colour(rng, GROUND)
    return first + field[..., None] * (second - first)


def render_digit(rng, scan, edge, centre, size):
    """Draw one scan enlarged, turned and sheared.

    Args:
        rng: NumPy generator.
        scan: (8, 8) in [0, 1].
        edge: Length of the enlarged scan's side in pixels.
        centre: (x, y) of its middle in pixels.
        size: Edge of the canvas in pixels.

    Returns:
        Opacity (size, size) float32 in [0, 1], an edge of about two pixels.
    """
    cell = edge / 8
    angle = np.deg2rad(rng.uniform(-20, 20))
    cos, sin = np.cos(angle), np.sin(angle)
    bend = np.array([[1, rng.uniform(-0.2, 0.2)], [0, 1]])
    linear = cell * np.array([[cos, -sin], [sin, cos]]) @ bend
    shift = np.asarray(centre) - linear @ [3.5, 3.5]
    strokes = cv2.warpAffine(
        scan.astype(np.float32),
        np.column_stack([linear, shift]),
        (size, size),
        flags=cv2.INTER_CUBIC,
    )
    strokes = cv2.GaussianBlur(strokes, (0, 0), 0.3 * cell)
    return np.clip(0.5 + (strokes - 0.45) * np.float32(cell), 0, 1)


def _paint(rng, image, opacity):
    """Lay a digit in a colour that differs from what lies under it."""
    size = len(image)
    under = opacity.ravel() @ image.reshape(-1, 3) / opacity.sum()
    candidates = [_colour(rng, PAINT) for _ in range(4)]
    colour = max(candidates, key=lambda c: np.linalg.norm(c - under))
    shading = 1 + np.float32(0.2) * _smooth_noise(rng, size)[..., None]
    return image + opacity[..., None] * (colour * shading - image)


def _place(rng, edge, size, taken):
    """Of four places, the farthest from the digits already there.

    Overlap is thus possible, but rare enough to read the digits.
    """
    places = rng.uniform(0.42 * edge, size - 0.42 * edge, (4, 2))
    if not taken:
        return places[0]
    gaps = np.linalg.norm(places[:, None] - np.array(taken), axis=-1)
    return places[gaps.min(axis=1).argmax()]


class Painter:
    """Draws any picture of the set from its place in the set alone.

    Args:
        seed: Non-negative integer.
        size: Edge of the pictures in pixels.
        digits: Scenes hold the digits below it.
    """

    def __init__(self, seed, size, digits=10):
        # Here, for its import takes longer than finding a set complete.
        from sklearn.datasets import load_digits

        data = load_digits()
        self.scans = data.images.astype(np.float32) / 16
        self.digits = data.target
        self.seed, self.size, self.in_scenes = seed, size, digits

    def scans_of(self, split):
        """Indices of the scans that 'train' or 'val' may use."""
        parts = np.split(np.arange(len(self.scans)), [NUM_TRAIN_SCANS])
        return parts[SPLITS.index(split)]

    def _generator(self, kind, split, index):
        stream = [self.seed, kind, SPLITS.index(split), index]
        return np.random.default_rng(stream)

    def portrait(self, split, index):
        """One large digit, ``index % 10``, among up to two small ones."""
        rng = self._generator(0, split, index)
        usable = self.scans_of(split)
        main = rng.choice(usable[self.digits[usable] == index % 10])
        others = rng.choice(usable, rng.integers(0, 3))
        edges = [rng.uniform(64, 104), *rng.uniform(20, 32, len(others))]
        return self._compose(rng, [main, *others], edges)

    def scene(self, split, index):
        """Two to four digits of middling size, for masks."""
        rng = self._generator(1, split, index)
        count = rng.integers(2, 5)
        usable = self.scans_of(split)
        usable = usable[self.digits[usable] < self.in_scenes]
        chosen = rng.choice(usable, count, replace=False)
        return self._compose(rng, chosen, rng.uniform(32, 64, count))

    def _compose(self, rng, chosen, edges):
        """Lay scans over a texture, the later ones over the earlier.

        ``edges`` are their sides in a picture of 128 pixels.
        """
        size = self.size
        image = make_background(rng, size)
        owner = np.zeros((size, size), np.int64)
        areas, places = [], []
        edges = np.array(edges) * size / 128
        for number, (scan, edge) in enumerate(
            zip(chosen, edges, strict=True), 1
        ):
            places.append(_place(rng, edge, size, places))
            opacity = render_digit(
                rng, self.scans[scan], edge, places[-1], size
            )
            image = _paint(rng, image, opacity)
            owner[opacity >= 0.5] = number
            areas.append((opacity >= 0.5).sum())
        noise = rng.standard_normal(image.shape, np.float32)
        image += np.float32(rng.uniform(0.005, 0.02)) * noise
        visible = np.bincount(owner.ravel(), minlength=len(areas) + 1)[1:]
        needed = np.maximum(MIN_AREA, MIN_VISIBLE * np.array(areas))
        return Scene(
            image=np.round(255 * np.clip(image, 0, 1)).astype(np.uint8),
            owner=owner,
            digits=self.digits[chosen].tolist(),
            scans=[int(scan) for scan in chosen],
            kept=(visible >= needed).tolist(),
        )
