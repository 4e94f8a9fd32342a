r"""Draw the results of a trained model on point clouds.

Example::

    python tools/analysis_tools/draw_points.py \
        configs/points/demo/map_shapes69.py \
        work_dirs/map_shapes69/epoch_20.pth \
        --data-root DIR --out pictures --html

For pretraining: groups, mask, reconstruction and error of each cloud. For part
segmentation: true parts, predicted parts and error. ``--html`` also writes a
self-contained page in which a browser turns and zooms the clouds. Clouds are
spread evenly over the config's data set.
"""

import argparse
import sys
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError

SPLITS = ('val', 'test', 'train')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument(
        'config', help='pretraining or part segmentation config on points'
    )
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument(
        '--data-root', metavar='DIR', help="instead of the config's"
    )
    parser.add_argument(
        '--split',
        choices=SPLITS,
        help='(default: the first one)',
    )
    parser.add_argument('--number', type=int, default=4, help='of clouds (4)')
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of masks and drawn points'
    )
    parser.add_argument(
        '--mask-ratio', type=float, help="instead of the config's"
    )
    parser.add_argument(
        '--html',
        action='store_true',
        help='also write a page',
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpretrain.registry import DATASETS
from torch import nn

from mmmap.datasets.checks import check_data
from mmmap.datasets.config_datasets import set_data_root
from mmmap.engine.settings import open_model_config
from mmmap.engine.trained_models import open_model
from mmmap.models.selfsup import PointMAP
from mmmap.visualization import (
    cloud_figure,
    cloud_page,
    part_row,
    reconstruction_rows,
)
from mmmap.visualization.clouds import CloudRow
from mmmap.visualization.images import save_figure, save_text, spread

KINDS = ('PointMAP', 'PointPartSegmentor')


def open_clouds(args: argparse.Namespace) -> tuple[dict, dict]:
    """Some clouds of the config's data set, and its metainfo.

    Raises:
        InputError: The split does not exist, or the number is not positive.
        DataError: The data set is missing or wrong.
    """
    config = open_model_config(args.config)
    there = [s for s in SPLITS if config.get(f'{s}_dataloader')]
    split = args.split or (there or SPLITS)[0]
    if split not in there or args.number < 1:
        raise InputError(
            f'cannot draw {args.number} clouds of the {split} split: '
            f'{args.config} has {", ".join(there) or "none"}, and the number '
            'must be positive'
        )
    init_default_scope('mmpretrain')
    if args.data_root:
        set_data_root(config, args.data_root)
    check_data(config, (split,))
    dataset = DATASETS.build(config[f'{split}_dataloader'].dataset)
    np.random.seed(args.seed)  # pipelines may draw points
    items = [dataset[i] for i in spread(len(dataset), args.number)]
    return pseudo_collate(items), dataset.metainfo


def rows_of(
    model: nn.Module, batch: dict, about: dict, seed: int
) -> list[CloudRow]:
    """A row of pictures for each cloud of a batch."""
    data = model.data_preprocessor(batch)
    names = [_name(s, about.get('classes')) for s in data['data_samples']]
    torch.manual_seed(seed)
    if isinstance(model, PointMAP):
        return reconstruction_rows(model.reconstruct(data['inputs']), names)
    with torch.no_grad():
        samples = model(**data, mode='predict')
    parts = about.get('parts')
    parts = parts or [f'part {i}' for i in range(model.head.num_parts)]
    return [
        part_row(
            name,
            points.numpy(),
            sample.gt_part.numpy(),
            sample.pred_part.numpy(),
            parts,
        )
        for name, points, sample in zip(names, data['inputs'], samples)
    ]


def _name(sample, classes) -> str:
    """Number of a sample, with its class if it is known."""
    number = f'{sample.get("sample_idx", "")}'
    if classes and 'gt_label' in sample:
        return f'{classes[int(sample.gt_label)]} {number}'
    return f'cloud {number}'


def run(args: argparse.Namespace) -> None:
    """Draw what the command line asks for.

    Raises:
        InputError: A config, data set or option that cannot be used.
        CheckpointError: A checkpoint that does not fit.
    """
    batch, about = open_clouds(args)
    model = open_model(args.config, args.checkpoint, KINDS, args.mask_ratio)
    rows = rows_of(model, batch, about, args.seed)
    stem = 'reconstruction' if isinstance(model, PointMAP) else 'parts'
    target = args.out / f'{stem}.png'
    save_figure(cloud_figure(rows), target)
    print(target)
    if args.html:
        target = target.with_suffix('.html')
        save_text(target, cloud_page(rows, f'{stem}: {args.checkpoint}'))
        print(target)


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
