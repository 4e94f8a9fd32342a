r"""Where a segmentor is wrong: IoU, confusions, the worst images.

Example::

    python tools/test.py CONFIG CHECKPOINT --cfg-options \
        test_evaluator.output_dir=predicted
    python tools/analysis_tools/segmentation_errors.py CONFIG predicted \
        --out errors

Reads the class maps that mmseg's metric wrote and the truth of the config's
test set. Writes ``confusion.png``, ``confusion.csv`` (pixels; rows are the
truth), ``images.csv`` (the worst image first) and ``worst.png``.
"""

import argparse
import csv
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('config', help='config of the segmentor')
    parser.add_argument('predicted', type=Path, help='folder of class maps')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument(
        '--data-root', metavar='DIR', help="replaces the config's data_root"
    )
    parser.add_argument(
        '--worst', type=int, default=6, help='images drawn (default: 6)'
    )
    parser.add_argument(
        '--confusions',
        type=int,
        default=10,
        help='to list (default: 10)',
    )
    parser.add_argument(
        '--ignore', type=int, default=255, help='label to ignore'
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope

from mmmap.datasets.config_datasets import set_data_root
from mmmap.engine.settings import open_model_config
from mmmap.evaluation import class_iou, confusion, confusions
from mmmap.visualization import confusion_figure, segmentation_figure
from mmmap.visualization.images import save_figure
from mmmap.writing import written_whole


class Judged(NamedTuple):
    """An image: its path, its mean IoU and both of its class maps."""

    path: str
    miou: float
    predicted: Path
    info: dict


def open_test_set(config: Config):
    """The data set that a config tests on, and how its truth is read.

    Raises:
        InputError: The config is not a segmentor's.
    """
    loader = config.get('test_dataloader')
    if config.get('default_scope') != 'mmseg' or not loader:
        raise InputError(
            "the config must be a segmentor's, with a test_dataloader; got "
            f'default_scope={config.get("default_scope")!r}'
        )
    init_default_scope('mmseg')
    load = TRANSFORMS.build(dict(type='LoadAnnotations'))
    dataset = loader.dataset
    dataset.pipeline = []
    return DATASETS.build(dataset), load


def predicted_map(path: Path, reduced: bool) -> np.ndarray:
    """The class of each pixel, as mmseg's metric wrote it.

    Raises:
        InputError: There is no such map, or it is of another tool.
    """
    labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if labels is None:
        raise InputError(
            f'no class map at {path}; write them with tools/test.py '
            '--cfg-options test_evaluator.output_dir=DIR'
        )
    if reduced and not labels.all():
        raise InputError(
            f'{path} has class 0, but mmseg counts from 1 where label 0 is '
            'left out; take the maps that tools/test.py wrote'
        )
    return labels.astype(int) - reduced


def refuse_shared_names(dataset) -> None:
    """Refuse images whose class maps mmseg wrote into one file."""
    infos = map(dataset.get_data_info, range(len(dataset)))
    names = Counter(Path(info['img_path']).stem for info in infos)
    name, number = names.most_common(1)[0] if names else ('', 0)
    if number > 1:
        raise InputError(
            f'{number} images are named {name}, and mmseg writes only one '
            'class map for them; test one folder at a time'
        )


def judge(args: argparse.Namespace, dataset, load):
    """Confusion matrix of all images, and a summary of each."""
    classes = dataset.metainfo['classes']
    total = np.zeros((len(classes), len(classes)), dtype=np.int64)
    refuse_shared_names(dataset)
    judged = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        path = args.predicted / f'{Path(info["img_path"]).stem}.png'
        labels = predicted_map(path, bool(dataset.reduce_zero_label))
        try:
            counts = confusion(
                labels, truth_of(info, load), len(classes), args.ignore
            )
        except ValueError as error:
            raise InputError(f'{path}: {error}') from error
        total += counts
        if counts.any():
            miou = float(np.nanmean(class_iou(counts)))
            judged.append(Judged(info['img_path'], miou, path, info))
    if not judged:
        raise InputError('the test set has no image with a known pixel')
    return total, sorted(judged, key=lambda image: image.miou)


def truth_of(info: dict, load) -> np.ndarray:
    """The class of each pixel, as annotated."""
    return load(dict(info, seg_fields=[]))['gt_seg_map']


def draw_worst(worst: list[Judged], dataset, load, path: Path) -> None:
    """Image, truth and prediction of each."""
    reduced = bool(dataset.reduce_zero_label)
    samples = [
        dict(
            img_path=image.path,
            gt_sem_seg=dict(data=truth_of(image.info, load)),
            pred_sem_seg=dict(data=predicted_map(image.predicted, reduced)),
        )
        for image in worst
    ]
    segmentation_figure(
        {'predicted': samples},
        dataset.metainfo['classes'],
        dataset.metainfo['palette'],
        path,
        len(samples),
        [f'{Path(i.path).stem}\nmIoU {100 * i.miou:.1f}' for i in worst],
    )


def write_tables(total, judged: list[Judged], classes, out: Path) -> None:
    """Both tables, as CSV."""
    tables = {
        'confusion.csv': [
            ['', *classes],
            *([n, *row] for n, row in zip(classes, total.tolist())),
        ],
        'images.csv': [
            ['image', 'mIoU'],
            *([i.path, f'{100 * i.miou:.2f}'] for i in judged),
        ],
    }
    for name, rows in tables.items():
        with (
            written_whole(out / name) as temporary,
            open(temporary, 'w', newline='', encoding='utf-8') as file,
        ):
            csv.writer(file).writerows(rows)


def run(args: argparse.Namespace) -> None:
    """Evaluate, write the results, and print what is confused most.

    Raises:
        FileNotFoundError: No such config.
        InputError: A config or maps that do not belong together.
    """
    config = open_model_config(args.config)
    if args.data_root:
        set_data_root(config, args.data_root)
    dataset, load = open_test_set(config)
    classes = dataset.metainfo['classes']
    total, judged = judge(args, dataset, load)
    write_tables(total, judged, classes, args.out)
    save_figure(confusion_figure(total, classes), args.out / 'confusion.png')
    draw_worst(judged[: args.worst], dataset, load, args.out / 'worst.png')
    for name, iou in zip(classes, class_iou(total)):
        print(f'{name:>20}  IoU {100 * iou:6.2f}')
    for true, seen, pixels, part in confusions(total, args.confusions):
        print(
            f'{classes[true]} seen as {classes[seen]}: {part:.1%} of it, '
            f'{pixels:,} pixels'
        )
    miou = 100 * np.nanmean(class_iou(total))
    print(f'mIoU {miou:.2f} on {len(judged)} images: {args.out}')


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
