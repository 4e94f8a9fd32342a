"""The results of the demo, as a table and as one page of HTML.

For demos with several seeds, it prints a table of all of them::

    python tools/demo_page.py work_dirs/seed0 work_dirs/seed1 work_dirs/seed2
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from mmmap import cli


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument(
        'work_dirs',
        nargs='+',
        type=Path,
        help='folders of finished demos, one per seed',
    )
    args = parser.parse_args(argv)
    if len(args.work_dirs) < 2:
        parser.error('one demo has no spread: pass the folders of two or more')
    return args


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.datasets.mosaics import COUNTS, HELD_OUT, PHOTOGRAPHS
from mmmap.errors import FileError
from mmmap.reports import (
    document,
    html_curves,
    html_image,
    html_table,
    read_log,
    series,
)
from mmmap.visualization.images import save_text

Results = Mapping[str, Mapping[str, float]]


class Task(NamedTuple):
    """A model that is trained from two starts.

    Attributes:
        model: Its name.
        configs: Config of each start.
        data: Folder of its data.
        seconds: Approximate time of a training on one core.
        metrics: Key, name and factor of what is shown.
    """

    model: str
    configs: dict[str, str]
    data: str
    seconds: float
    metrics: list[tuple[str, str, float]]


TASKS = [
    Task(
        'UPerNet',
        {'MAP': 'upernet_mosaics', 'scratch': 'upernet_mosaics_scratch'},
        'ade_like',
        50,
        [('mIoU', 'mIoU', 1)],
    ),
    Task(
        'Mask R-CNN',
        {
            'MAP': 'mask-rcnn_mosaics',
            'scratch': 'mask-rcnn_mosaics_scratch',
        },
        'coco_like',
        60,
        [
            ('coco/bbox_mAP_50', 'box AP50', 100),
            ('coco/segm_mAP_50', 'mask AP50', 100),
        ],
    ),
]
HEADER = ('model', 'metric', 'from MAP', 'from scratch', 'difference')
OWN_IMAGES = """\
# 1. Pretrain on a folder of your images, no labels needed.
mmmap pretrain photos/ --out runs/pretrained
# 2. Train on the few that have masks.
mmmap segment --images photos/ --masks masks/ --start runs/pretrained \\
    --out runs/segmented
# 3. Predict the masks of others.
mmmap predict runs/segmented new_photos/ --out predicted
"""


def results_of(work_dir: Path) -> Results:
    """Metrics of each tested model, from the libraries' files.

    Raises:
        FileNotFoundError: A test has not been run.
    """
    found = {}
    for name in [name for task in TASKS for name in task.configs.values()]:
        files = sorted((work_dir / name / 'test').glob('*/*.json'))
        if not files:
            raise FileNotFoundError(
                f'{work_dir} holds no test of {name}; let tools/demo.py '
                f'--work-dir {work_dir} finish'
            )
        found[name] = json.loads(files[-1].read_text())
    return found


def rows(results: Results) -> list[tuple[str, str, float, float, float]]:
    """Model, metric, from MAP, from scratch, difference."""
    found = []
    for task in TASKS:
        ours, scratch = (results[task.configs[s]] for s in ('MAP', 'scratch'))
        for key, name, factor in task.metrics:
            # A detector that found nothing has no metrics.
            pair = [factor * m.get(key, 0.0) for m in (ours, scratch)]
            found.append((task.model, name, *pair, pair[0] - pair[1]))
    return found


def verdict(results: Results) -> str:
    """A sentence on whether pretraining helped."""
    parts = [
        f'{difference:+.1f} {metric} for {model}'
        for model, metric, *_, difference in rows(results)
    ]
    gains = [difference > 0 for *_, difference in rows(results)]
    start = {
        all(gains): 'MAP pretraining helped',
        not any(gains): 'MAP pretraining did not help here',
    }.get(True, 'MAP pretraining helped partly')
    return f'{start}: {", ".join(parts)} (one run of each).'


def table(results: Results) -> str:
    """The results in Markdown."""
    lines = [f'| {" | ".join(HEADER)} |', '|---' * len(HEADER) + '|']
    lines += [f'| {" | ".join(row)} |' for row in _cells(results)]
    return '\n'.join([*lines, '', verdict(results)])


def _cells(results: Results) -> list[list[str]]:
    return [
        [model, metric, f'{ours:.1f}', f'{scratch:.1f}', f'{gain:+.1f}']
        for model, metric, ours, scratch, gain in rows(results)
    ]


def seeds_table(runs: Sequence[Results]) -> str:
    """The results of several demos, with the standard error of the difference.

    Args:
        runs: The results of two seeds or more.

    Returns:
        Markdown: from MAP, from scratch and their difference, seed by seed;
        its mean, its standard error, and the ratio of both.
    """
    lines = [
        '| model, metric | from MAP | from scratch | difference | mean '
        '| standard error | ratio |',
        '|---' * 7 + '|',
    ]
    for per_seed in zip(*map(rows, runs), strict=True):
        model, metric, *_ = per_seed[0]
        columns = list(zip(*(row[2:] for row in per_seed), strict=True))
        cells = [', '.join(f'{x:.1f}' for x in c) for c in columns]
        mean = statistics.mean(columns[2])
        error = statistics.stdev(columns[2]) / math.sqrt(len(runs))
        ratio = f'{mean / error:.1f}' if error else '-'
        cells += [f'{mean:+.1f}', f'{error:.1f}', ratio]
        lines.append(f'| {model}, {metric} | {" | ".join(cells)} |')
    return '\n'.join(lines)


def report(work_dir: Path, results: Results, pictures: Sequence[Path]) -> Path:
    """Write ``index.html``.

    Args:
        work_dir: Folder of the demo.
        results: Metrics of each config.
        pictures: Of completed images (two), segmentation and detection.

    Returns:
        The page.
    """
    photograph, scenes, segmentation, detection = map(_picture, pictures)
    sections = [
        ('', _text(INTRODUCTION)),
        (
            f'Results on {COUNTS["val"]} other scenes',
            html_table(HEADER, _cells(results))
            + _text(verdict(results))
            + _text(_shortened(work_dir) or SEEDS),
        ),
        ('What MAP predicts of hidden patches',
         _text(COMPLETED) + photograph + scenes),
        ('Which photograph is each pixel from?',
         _text(SEGMENTATION) + segmentation),
        ('Where are the pieces?', _text(DETECTION) + detection),
        ('Losses', _text(CURVES) + _curves(work_dir)),
        (
            'The same on your own images',
            _text(OWN) + f'<pre>{escape(OWN_IMAGES)}</pre>',
        ),
        (
            'Photographs',
            html_table(
                ('what', 'who', 'licence', 'file'),
                [
                    (p.name, p.author, p.licence, f'{p.package[0]}: {p.file}')
                    for p in [*PHOTOGRAPHS, HELD_OUT]
                ],
            ),
        ),
    ]  # fmt: skip
    page = work_dir / 'index.html'
    save_text(page, document('What MAP pretraining is for', sections))
    return page


INTRODUCTION = (
    'Labels are expensive, images are cheap. Each scene of this demo is a '
    'crop of one of eight photographs, covered in part by two or three pieces '
    'of others. HybridNet, a network of Mamba and attention blocks with 0.6 M '
    f'parameters, was pretrained with MAP on {COUNTS["unlabelled"]:,} scenes '
    'without labels: it saw half of the patches of each scene and learnt to '
    'predict the rest. Then UPerNet was trained on 10 labelled scenes and '
    'Mask R-CNN on 20, once from that checkpoint and once from scratch. Both '
    'had the same number of steps with labels; pretraining is extra. The test '
    f'is on {COUNTS["val"]} new scenes, made of the same eight photographs.'
)
# configs/demo/README.md has all numbers.
SEEDS = (
    'One run says little. Over five seeds the differences (mean and standard '
    'error) are +2.9 ± 0.5 mIoU, +1.7 ± 2.0 box AP50 and 0.0 ± 1.7 mask AP50: '
    'MAP improves segmentation; detection shows no clear difference.'
)
COMPLETED = (
    'Columns: the image; what the model sees; the hidden patches as it '
    'predicts them; for comparison, only the mean of each hidden patch. Rows: '
    '25, 50 and 75 % of the patches hidden. The model predicts the pattern '
    'within each patch; the brightness (mean) and contrast of the patch are '
    'taken from the image. So only the difference between the third and the '
    f'fourth column was learnt. The {HELD_OUT.name} is in no training image; '
    'the second picture has new scenes.'
)
SEGMENTATION = (
    'UPerNet says for each pixel which photograph it is from; each photograph '
    'has a colour, drawn over the image. The closer to "truth", the better.'
)
DETECTION = (
    'Mask R-CNN draws a box and an outline for each piece that it detects '
    'with a score above 0.5. After 20 labelled scenes it still misses pieces '
    'and invents others. AP50 is the average precision of boxes, or outlines, '
    'that overlap the true one by half or more.'
)
CURVES = (
    'Training losses. The loss of pretraining is the error of the predicted '
    'patches, which needs no labels. The other losses are on the few labelled '
    'scenes, which every model can learn. What pretraining is worth shows on '
    'other scenes: see the table above.'
)
OWN = (
    'photos/ is a folder of images. masks/ has masks for some of them, with '
    'the same names: the value of a pixel is its class, 255 is ignored. '
    '"mmmap detect" takes boxes, or boxes and outlines, in COCO format. See '
    'docs/commands.md.'
)


def _shortened(work_dir: Path) -> str:
    """A sentence on trainings shorter than in their configs."""
    file = work_dir / 'settings.json'
    epochs = json.loads(file.read_text())['epochs'] if file.is_file() else None
    if not epochs:
        return ''
    return (
        f'This is a quick look: every training ran for {epochs} '
        f'epoch{"s" * (epochs > 1)}, too few to judge pretraining. For that, '
        'run the demo without --epochs.'
    )


def _curves(work_dir: Path) -> str:
    """The loss of pretraining, and of each task from both starts."""

    def loss(name):
        return series(read_log(work_dir / name).train['loss'])

    panels = {'MAP pretraining': {'loss': loss('map_mosaics')}}
    for task in TASKS:
        panels[task.model] = {
            f'from {start}': loss(name) for start, name in task.configs.items()
        }
    return html_curves(panels)


def _text(text: str) -> str:
    return f'<p>{escape(text)}</p>'


def _picture(path: Path) -> str:
    image = html_image(path.read_bytes(), 'png', path.stem)
    return f'<p>{image}</p>'


def run(args: argparse.Namespace) -> None:
    """Print the table of several demos.

    Raises:
        FileError: A demo has no results.
    """
    try:
        results = [results_of(path) for path in args.work_dirs]
    except FileNotFoundError as error:
        raise FileError(str(error)) from error
    print(seeds_table(results))


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
