r"""Draw features, attention and receptive fields of a trained backbone.

Example::

    python tools/analysis_tools/feature_maps.py \
        configs/mmpretrain/map_hybridnet-tiny_8xb128-amp-1600e_in1k.py \
        work_dirs/map/epoch_1600.pth --images photos/ --out pictures

Writes one picture per image: its features as colours (their three main
directions, over all images) at some depths, the attention of each attention
block (of one token, or the mean of all) and its rollout through all attention
blocks. ``receptive_field.png`` shows on which pixels the middle token depends.
Depths are the blocks of HybridNet and the stages of MambaVision; MambaVision
attends inside windows, so it has no attention rows.
"""

import argparse
import sys
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('config', help='config with the backbone')
    parser.add_argument('checkpoint', help='checkpoint of the same backbone')
    parser.add_argument(
        '--images', nargs='+', required=True, help='images or folders of them'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument(
        '--depths',
        type=int,
        nargs='+',
        help='blocks or stages, from 0 (default: six, where kinds change)',
    )
    parser.add_argument(
        '--token',
        type=int,
        nargs=2,
        metavar=('ROW', 'COLUMN'),
        help='whose attention is shown (default: the mean of all)',
    )
    parser.add_argument(
        '--size',
        type=int,
        nargs='+',
        metavar='PIXELS',
        help="height and width of the images (default: the config's)",
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from torch import Tensor, nn

from mmmap.datasets.image_folders import images_at
from mmmap.datasets.image_reader import ImageReader
from mmmap.datasets.shown import as_picture
from mmmap.engine.settings import open_model_config
from mmmap.engine.trained_models import (
    best_device,
    check_channels,
    image_size,
    open_backbone,
)
from mmmap.visualization import feature_figure, field_figure
from mmmap.visualization.attention_maps import (
    attention_at,
    rollout,
    seen_by,
)
from mmmap.visualization.depths import (
    check_depths,
    kinds_of,
    maps_at,
    names_of,
    spread,
)
from mmmap.visualization.feature_colours import colours
from mmmap.visualization.images import read_image
from mmmap.visualization.receptive_field import area_of, receptive_fields


def attention_of(
    backbone: nn.Module, image: Tensor, depths: list[int], token: tuple | None
) -> list[tuple]:
    """Attention and its rollout at some depths, as titles and maps."""
    weights = attention_at(backbone, image)
    grid = backbone.grid(image)
    flows = dict(zip(weights, rollout(list(weights.values()))))
    who = 'mean of all' if token is None else f'of token {token}'
    return [
        (
            f'block {depth}, {what},\n{who}',
            seen_by(of[depth], grid, token).cpu().numpy(),
        )
        for what, of in (('attention', weights), ('rollout', flows))
        for depth in depths
        if depth in of
    ]


def draw_features(backbone, pictures, inputs, paths, args) -> None:
    """One picture per image."""
    names = names_of(backbone)
    with torch.no_grad():
        each = [maps_at(backbone, x[None], args.depths) for x in inputs]
    painted = {
        names[depth]: colours(torch.cat(maps))[0].cpu().numpy()
        for depth, maps in zip(args.depths, zip(*each))
    }
    token = args.token and tuple(args.token)
    marked = token and (*token, *backbone.grid(inputs))
    looks = [
        attention_of(backbone, x[None], args.depths, token) for x in inputs
    ]
    for index, path in enumerate(paths):
        target = args.out / f'{index:04d}_{path.stem}.png'
        feature_figure(
            pictures[index],
            {name: rgb[index] for name, rgb in painted.items()},
            looks[index],
            target,
            marked,
        )
        print(target)


def draw_fields(backbone: nn.Module, inputs: Tensor, args) -> None:
    """The receptive fields of all images' middle tokens."""
    each = [
        receptive_fields(lambda x: maps_at(backbone, x, args.depths), x[None])
        for x in inputs
    ]
    names = [names_of(backbone)[depth] for depth in args.depths]
    means = [torch.stack(fields).mean(0).cpu() for fields in zip(*each)]
    areas = {name: area_of(field) for name, field in zip(names, means)}
    fields = {name: field.numpy() for name, field in zip(names, means)}
    target = args.out / 'receptive_field.png'
    field_figure(fields, areas, target, len(inputs))
    for name, area in areas.items():
        print(f'{name}: half of the gradient in {area:.1%} of the pixels')
    print(target)


def run(args: argparse.Namespace) -> None:
    """Draw all that the command line asks for.

    Raises:
        InputError: A config, image or option that cannot be used.
        CheckpointError: A checkpoint that does not fit.
    """
    paths = images_at(args.images)
    backbone, normalise = open_backbone(args.config, args.checkpoint)
    backbone, normalise = (m.to(best_device()) for m in (backbone, normalise))
    args.depths = args.depths or spread(kinds_of(backbone))
    check_depths(backbone, args.depths)
    size = tuple((args.size * 2)[:2]) if args.size else image_size(backbone)
    if min(size) < 1:
        raise InputError(f'--size must be positive, got {size}')
    reader = ImageReader(open_model_config(args.config))
    images = [read_image(path, size, reader) for path in paths]
    check_channels(backbone, dict(zip(paths, images)))
    pictures = [  # RGB
        as_picture(image.permute(1, 2, 0).numpy())[..., ::-1]
        for image in images
    ]
    inputs = normalise(dict(inputs=images))['inputs']
    draw_features(backbone, pictures, inputs, paths, args)
    draw_fields(backbone, inputs, args)


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
