r"""Evaluate a backbone's frozen features by neighbours and a linear probe.

Example::

    python tools/analysis_tools/evaluate_features.py \
        configs/mmpretrain/map_hybridnet-tiny_8xb128-amp-1600e_in1k.py \
        work_dirs/map/epoch_1600.pth --data-root data/imagenet --out eval.json

The data are ``train/<class>/<image>`` and ``val/<class>/<image>``. Features
are computed once for each image, without augmentation: the normalised mean
of the tokens. Neighbours vote by their cosine similarity; the probe is a
multinomial logistic regression, its regularisation chosen on a held-out
fifth of train.
"""

import argparse
import json
import sys
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError

KS = 10, 20, 100, 200  # numbers of neighbours


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('config', help='config with the backbone')
    parser.add_argument('checkpoint', help='checkpoint of the same backbone')
    parser.add_argument(
        '--data-root', metavar='DIR', help="instead of the config's"
    )
    parser.add_argument('--train', default='train', help='folder below it')
    parser.add_argument('--val', default='val', help='folder below it')
    parser.add_argument('--out', type=Path, metavar='JSON')
    parser.add_argument(
        '--k', type=int, nargs='+',
        help='numbers of neighbours (default: of 10 20 100 200, those that '
        'train has)',
    )  # fmt: skip
    parser.add_argument('--temperature', type=float, default=0.07)
    parser.add_argument(
        '--size', type=int, help="edge of the images (default: the config's)"
    )
    parser.add_argument(
        '--parts', type=int, metavar='N',
        help='encode the tokens of an image in N random parts, each without '
        'the others, as pretraining does, and take the mean of all',
    )  # fmt: skip
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--workers', type=int, default=0)
    parser.add_argument(
        '--seed', type=int, default=0, help='of the held-out and other parts'
    )
    args = parser.parse_args(argv)
    for name, least in dict(parts=1, size=1, batch_size=1, workers=0).items():
        value = getattr(args, name)
        if value is not None and value < least:
            option = name.replace('_', '-')
            parser.error(f'--{option} must be at least {least}, got {value}')
    return args


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from torch import Tensor

from mmmap.datasets.image_reader import loading_steps
from mmmap.engine.settings import open_model_config
from mmmap.engine.trained_models import (
    best_device,
    image_size,
    open_backbone,
)
from mmmap.evaluation import (
    extract,
    image_folder,
    knn_accuracy,
    linear_probe,
    pooled,
)
from mmmap.evaluation.knn import check_votes
from mmmap.models.backbones import Backbone
from mmmap.writing import written_whole


def data_root(args: argparse.Namespace) -> Path:
    """The folder of the command line, or that of the config.

    Raises:
        InputError: Neither names one.
    """
    loader = open_model_config(args.config).get('train_dataloader') or {}
    root = args.data_root or (loader.get('dataset') or {}).get('data_root')
    if not root:
        raise InputError(
            f'{args.config} has no train_dataloader.dataset.data_root; name '
            'the folder of the data with --data-root DIR'
        )
    return Path(root)


def open_splits(args: argparse.Namespace, size: tuple[int, int]) -> dict:
    """The data sets to learn from and to evaluate on.

    Raises:
        InputError: They are missing, or have different classes.
    """
    root = data_root(args)
    folders = dict(train=args.train, val=args.val)
    loading = loading_steps(open_model_config(args.config))
    sets = {
        name: image_folder(root / folder, size, loading)
        for name, folder in folders.items()
    }
    classes = {name: set(data.CLASSES) for name, data in sets.items()}
    if classes['train'] != classes['val']:
        apart = sorted(classes['train'] ^ classes['val'])
        raise InputError(
            f'{root / args.train} and {root / args.val} have different '
            f'classes: {", ".join(apart[:5])} in only one of them'
        )
    return sets


def in_parts(
    backbone: Backbone, images: Tensor, parts: int, generator: torch.Generator
) -> Tensor:
    """The mean of the tokens (B, C), encoded in random parts.

    Raises:
        InputError: More parts than tokens, or a backbone of another library.
    """
    if not isinstance(backbone, Backbone):
        raise InputError(
            f'a {type(backbone).__name__} cannot encode a part of the tokens; '
            'remove --parts'
        )
    layout = backbone.layout(backbone.units(images))
    if parts > layout.length:
        raise InputError(
            f'--parts {parts} is more than the {layout.length} tokens of an '
            'image'
        )
    order = torch.rand(layout.batch, layout.length, generator=generator)
    found = [
        backbone(images, part.sort(1).values.to(images.device))[-1]
        for part in order.argsort(1).tensor_split(parts, dim=1)
    ]
    return torch.cat(found, dim=1).mean(1)


def judged(args: argparse.Namespace) -> dict:
    """All results, accuracies in percent.

    Raises:
        InputError: A config, data set or option that cannot be used.
        CheckpointError: A checkpoint that does not fit.
    """
    backbone, normalise = open_backbone(
        args.config,
        args.checkpoint,
        out_type='raw' if args.parts else 'avg_featmap',
    )
    backbone, normalise = (m.to(best_device()) for m in (backbone, normalise))
    size = (args.size, args.size) if args.size else image_size(backbone)
    sets = open_splits(args, size)
    samples = len(sets['train'])
    ks = args.k or [k for k in KS if k <= samples] or [samples]
    check_votes(ks, args.temperature, samples)
    generator = torch.Generator().manual_seed(args.seed)

    def encode(images: Tensor) -> Tensor:
        if args.parts:
            return in_parts(backbone, images, args.parts, generator)
        return pooled(backbone(images))

    found = []
    for data in sets.values():
        found += extract(
            encode,
            data,
            normalise,
            args.batch_size,
            args.workers,
        )
    neighbours = knn_accuracy(*found, ks, args.temperature)
    probe = linear_probe(*found, seed=args.seed)
    return dict(
        config=args.config,
        checkpoint=args.checkpoint,
        image_size=size,
        classes=len(sets['train'].CLASSES),
        images={name: len(data) for name, data in sets.items()},
        parts=args.parts,
        channels=found[0].shape[1],
        knn={k: percent(score) for k, score in neighbours.items()},
        temperature=args.temperature,
        linear=dict(
            accuracy=percent(probe.accuracy),
            strength=probe.strength,
            held_out={s: percent(x) for s, x in probe.held_out.items()},
        ),
    )


def percent(part: float) -> float:
    """A fraction in percent, with two digits."""
    return round(100 * part, 2)


def run(args: argparse.Namespace) -> None:
    """Evaluate, write and print the results.

    Raises:
        InputError: A config, data set or option that cannot be used.
        CheckpointError: A checkpoint that does not fit.
    """
    result = judged(args)
    if args.out:
        with written_whole(args.out) as temporary:
            temporary.write_text(json.dumps(result, indent=2) + '\n')
    scores = ', '.join(f'{k}-NN {x:.2f}' for k, x in result['knn'].items())
    linear = result['linear']
    print(
        f'{args.checkpoint}: {scores}, linear {linear["accuracy"]:.2f} '
        f'(regularisation {linear["strength"]:g}), % of '
        f'{result["images"]["val"]:,} images'
    )


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
