"""Draw the figure of README.md: architecture.png and architecture.svg.

    python docs/figures/make_architecture.py

Both files are written beside this script.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use('Agg')
import matplotlib.pyplot as plt  # noqa: E402  after the choice of backend
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle  # noqa: E402

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 132, 92  # of the drawing, in its own units

INK, SOFT, LINE = '#1f2933', '#5b6875', '#8a96a3'
MAMBA, ATTENTION = '#2f7d8c', '#d9822b'
HIDDEN, PALE, WHITE = '#c9d0d7', '#f4f6f8', '#ffffff'
SEEN, ASKING = '#f2c14e', '#c8442f'

GRID, PATCH = 6, 16  # of the drawn picture
QUERY = (3, 2)  # the token whose view the decoder's box shows


def picture():
    """A small landscape, (H, W, 3) in [0, 1]."""
    edge = GRID * PATCH
    y, x = np.mgrid[0:edge, 0:edge] / edge
    image = np.stack([0.45 + 0.4 * y, 0.68 + 0.2 * y, 0.92 - 0.1 * y], -1)
    image[(x - 0.72) ** 2 + (y - 0.27) ** 2 < 0.016] = (1.0, 0.85, 0.35)
    hills = (
        (0.55 + 0.10 * np.sin(5 * x + 0.4), (0.42, 0.58, 0.52)),
        (0.68 + 0.08 * np.sin(7 * x + 2.2), (0.25, 0.48, 0.36)),
        (0.84 + 0.04 * np.sin(9 * x), (0.16, 0.34, 0.25)),
    )
    for top, colour in hills:
        image[y > top] = colour
    return image


def blurred(image, radius=3):
    """A softened copy: what a reconstruction looks like."""
    shifts = range(-radius, radius + 1)
    padded = np.pad(image, ((radius,) * 2, (radius,) * 2, (0, 0)), 'edge')
    rows = sum(np.roll(padded, s, 0) for s in shifts) / len(shifts)
    both = sum(np.roll(rows, s, 1) for s in shifts) / len(shifts)
    return both[radius:-radius, radius:-radius]


def mask():
    """Half of the patches, (GRID, GRID) bool, True where hidden."""
    order = np.random.default_rng(7).permutation(GRID**2)
    return (order < GRID**2 // 2).reshape(GRID, GRID)


class Drawing:
    """Boxes, arrows and pictures on one page."""

    def __init__(self):
        self.figure = plt.figure(figsize=(WIDTH / 10, HEIGHT / 10))
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        self.axes.axis('off')

    def text(self, x, y, words, size=9, colour=INK, **kwargs):
        """Words centred at a point."""
        options = dict(ha='center', va='center', linespacing=1.3) | kwargs
        self.axes.text(x, y, words, fontsize=size, color=colour, **options)

    def file(self, x, y, path, **kwargs):
        """Where the code is."""
        self.text(x, y, path, 7.2, SOFT, family='monospace', **kwargs)

    def box(self, x, y, w, h, words='', fill=WHITE, edge=LINE, **kwargs):
        """A rounded box with words in its middle."""
        style = 'round,pad=0,rounding_size=0.8'
        self.axes.add_patch(
            FancyBboxPatch(
                (x, y), w, h, boxstyle=style, fc=fill, ec=edge, lw=1.0
            )
        )
        self.text(x + w / 2, y + h / 2, words, **kwargs)

    def panel(self, y, h, title, note):
        """A band across the page with a headline."""
        self.box(1.5, y, WIDTH - 3, h, fill=PALE, edge='#dde3e8')
        self.text(3.5, y + h - 2.4, title, 11, weight='bold', ha='left')
        self.text(WIDTH - 3.5, y + h - 2.4, note, 8.5, SOFT, ha='right')

    def arrow(self, start, end, colour=INK, bend=None):
        """An arrow; ``bend`` is an ``arrowprops`` connection style."""
        self.axes.annotate(
            '',
            end,
            start,
            arrowprops=dict(
                arrowstyle='-|>',
                color=colour,
                lw=1.2,
                shrinkA=0,
                shrinkB=0,
                mutation_scale=11,
                connectionstyle=bend or 'arc3',
            ),
        )

    def line(self, *points, colour=INK):
        """A plain line through points."""
        self.axes.plot(*zip(*points), color=colour, lw=1.2)

    def image(self, x, y, edge, pixels, hidden=None):
        """A picture cut into patches; hidden ones grey."""
        self.axes.imshow(
            pixels,
            extent=(x, x + edge, y, y + edge),
            aspect='auto',
            interpolation='nearest',
            zorder=2,
        )
        self.cells(x, y, edge, lambda i, j: self._cover(hidden, i, j))
        self.axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))

    @staticmethod
    def _cover(hidden, i, j):
        return HIDDEN if hidden is not None and hidden[i, j] else 'none'

    def cells(self, x, y, edge, colour_of, size=GRID, line=WHITE):
        """A square of cells, each of the colour of its row and column."""
        step = edge / size
        for i in range(size):
            for j in range(size):
                corner = (x + j * step, y + edge - (i + 1) * step)
                self.axes.add_patch(
                    Rectangle(
                        corner,
                        step,
                        step,
                        fc=colour_of(i, j),
                        ec=line,
                        lw=0.7,
                        zorder=3,
                    )
                )

    def blocks(self, x, y, w, h, pattern, letters=True):
        """A row of blocks, 'M' and 'T'; the left edges of all."""
        step = w / len(pattern)
        lefts = []
        for index, kind in enumerate(pattern):
            left = x + index * step
            fill = MAMBA if kind == 'M' else ATTENTION
            self.axes.add_patch(
                Rectangle((left, y), step * 0.84, h, fc=fill, ec='none')
            )
            if letters:
                middle = left + step * 0.42
                self.text(middle, y + h / 2, kind, 9, WHITE, weight='bold')
            lefts.append(left)
        return lefts


def draw_pretraining(page):
    """The upper band: MAP."""
    page.panel(
        60, 31, 'Pretraining with MAP', 'no labels; paths below mmmap/models/'
    )
    image, hidden = picture(), mask()
    low, edge = 67.5, 16
    page.image(4, low, edge, image, hidden)
    page.text(12, 65.6, 'half of the patches hidden', 8.5)
    page.file(12, 63.2, 'masking/random.py')

    page.arrow((21, 75.5), (29.5, 75.5))
    page.text(25.2, 78.4, 'visible\ntokens', 8)

    page.box(30, low, 23, 18)
    page.text(41.5, 82, 'HybridNet', 10, weight='bold')
    page.blocks(32, 74, 17.5, 4.6, 'MMMTMMMT')
    page.text(51, 76.2, '...', 10)
    page.text(41.5, 70.6, 'never sees the hidden ones', 8.2, SOFT)
    page.text(41.5, 65.6, 'encoder', 8.5)
    page.file(41.5, 63.2, 'backbones/hybrid_net.py')

    page.arrow((53.5, 75.5), (62.5, 75.5))
    page.text(58, 78.4, 'mask\ntokens', 8)
    page.text(58, 73.6, 'put back', 8)

    page.box(63, low, 38, 18)
    draw_decoder_view(page, 65, 70, 11)
    draw_attention_mask(page, 88, 70, 11, rows=3)
    page.text(70.5, 83.1, 'a 6 x 6 grid', 8.2, SOFT)
    page.text(93.5, 83.1, 'mask of a 3 x 3 grid', 8.2, SOFT)
    page.cells(79.6, 79.1, 1.6, lambda i, j: ASKING, size=1)
    page.text(82, 79.9, 'a token', 8, ha='left')
    page.text(79.6, 77.5, 'looks at', 8, ha='left')
    page.cells(79.6, 74.1, 1.6, lambda i, j: SEEN, size=1)
    page.text(82, 74.9, 'its row', 8, ha='left')
    page.text(79.6, 72.5, 'and those', 8, ha='left')
    page.text(79.6, 70.3, 'above it', 8, ha='left')
    page.text(82, 65.6, 'row-masked decoder, 4 blocks', 8.5)
    page.file(82, 63.2, 'decoders/masked_decoder.py')

    page.arrow((101.5, 75.5), (111.5, 75.5))
    page.text(106.5, 78.4, 'linear\nhead', 8)
    guess = np.where(
        np.kron(hidden, np.ones((PATCH, PATCH)))[..., None] > 0,
        blurred(image),
        image,
    )
    page.image(112, low, edge, guess)
    page.text(120, 65.6, 'error over hidden patches', 8.5)
    page.file(120, 63.2, 'heads/pixel_head.py')


def draw_decoder_view(page, x, y, edge):
    """What one token of the decoder may look at."""

    def colour(i, j):
        if (i, j) == QUERY:
            return ASKING
        return SEEN if i <= QUERY[0] else '#e3e8ec'

    page.cells(x, y, edge, colour)


def draw_attention_mask(page, x, y, edge, rows):
    """The mask of a grid of so many rows and columns."""
    page.cells(
        x,
        y,
        edge,
        lambda i, j: SEEN if i // rows >= j // rows else '#e3e8ec',
        size=rows**2,
    )


def draw_backbone(page):
    """The middle band: HybridNet; the places its maps leave from."""
    page.panel(
        30,
        28,
        'HybridNet',
        "'MMMT' x 8: tiny, small, base;  x 16: large;  x 12: huge",
    )
    page.image(4, 40.4, 10, picture())
    page.arrow((14.6, 45.4), (19, 45.4))
    page.box(19.3, 41.2, 10.5, 8.4, 'patch\n16 x 16\n+ position', size=8.5)
    page.arrow((30.1, 45.4), (33.6, 45.4))
    lefts = page.blocks(34, 42.6, 52.4, 5.6, 'MMMT' * 8, letters=False)
    step = 52.4 / 32
    page.text(60, 50.4, '32 blocks on one stream of tokens', 8.5)
    outs = [lefts[index] + step * 0.42 for index in (7, 15, 23, 31)]
    for x, part in zip(outs, ('1/4', '2/4', '3/4', '4/4')):
        page.text(x - 1.4, 40.6, part, 8, SOFT, ha='right')

    page.box(92.5, 46.6, 36, 6.8)
    page.box(93.3, 47.4, 5, 5.2, 'M', MAMBA, MAMBA, colour=WHITE, size=11)
    page.text(99.4, 51.4, 'Mamba: scan in raster order', 8.2, ha='left')
    page.text(99.4, 48.8, 'and against it, mean of both', 8.2, ha='left')
    page.box(92.5, 38.2, 36, 6.8)
    page.box(
        93.3, 39, 5, 5.2, 'T', ATTENTION, ATTENTION, colour=WHITE, size=11
    )
    page.text(99.4, 43, 'attention among all tokens,', 8.2, ha='left')
    page.text(99.4, 40.4, 'after every third Mamba block', 8.2, ha='left')
    page.file(110.5, 36.2, 'layers/blocks.py  layers/mamba_mixer.py')

    page.axes.add_patch(
        Polygon([(58, 60), (62, 60), (60, 57.2)], fc=INK, ec='none', zorder=4)
    )
    page.text(63.5, 58.9, 'its weights', 8.2, ha='left')
    return outs


def draw_downstream(page, outs):
    """The lower band: the three libraries."""
    page.panel(1.5, 26.5, 'Fine-tuning', 'each a config: tools/train.py')
    last = outs[-1]
    # Segmentation, from four depths.
    for x in outs:
        page.arrow((x, 42.2), (x, 34.2))
    page.box(outs[0] - 2, 31.2, last - outs[0] + 4, 3, fill=WHITE)
    page.text(
        (outs[0] + last) / 2,
        32.7,
        'outputs at chosen depths, each with its norm',
        8.2,
    )
    lanes = (
        (4, 'mmpretrain', 'classification', 'the last output',
         'mean of tokens,\nthen norm', 'linear head',
         "out_type='avg_featmap'"),
        (47, 'mmseg', 'semantic segmentation', 'maps of four depths',
         'multi-depth\npyramid', 'UPerNet',
         'necks/multi_depth_feature_pyramid.py'),
        (90, 'mmdet', 'detection and instances', 'the last map',
         'simple feature\npyramid', '(Cascade)\nMask R-CNN',
         'necks/simple_feature_pyramid.py'),
    )  # fmt: skip
    left, right = outs[0] - 2, outs[-1] + 2
    middles = [left + (right - left) * part for part in (0.2, 0.5, 0.8)]
    for top, (x, library, task, taken, neck, head, path) in zip(
        middles, lanes
    ):
        page.box(x, 3.4, 38, 16.6)
        page.text(x + 1.6, 17.8, library, 10, weight='bold', ha='left')
        page.text(x + 36.4, 17.8, task, 8.5, SOFT, ha='right')
        page.box(x + 2, 8, 15, 6.6, neck, size=8.5, fill=PALE)
        page.arrow((x + 17.4, 11.3), (x + 20.8, 11.3))
        page.box(x + 21, 8, 15, 6.6, head, size=8.5, fill=PALE)
        page.file(x + 19, 5.6, path)
        centre = x + 19 if x != 47 else top
        page.line((top, 31.2), (top, 22.6), (centre, 22.6))
        page.arrow((centre, 22.6), (centre, 20.2))
        page.text(centre + 1, 21.4, taken, 8, SOFT, ha='left')


def main():
    """Draw."""
    mpl.rcParams.update(
        {'font.family': 'DejaVu Sans', 'svg.hashsalt': 'mmmap'}
    )
    page = Drawing()
    draw_pretraining(page)
    draw_downstream(page, draw_backbone(page))
    page.figure.savefig(HERE / 'architecture.png', dpi=150)
    page.figure.savefig(
        HERE / 'architecture.svg', metadata={'Date': None}, dpi=150
    )


if __name__ == '__main__':
    main()
