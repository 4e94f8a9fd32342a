r"""Draw reconstructions of images from their visible part.

Example::

    python tools/analysis_tools/reconstruct.py \
        configs/mmpretrain/map_hybridnet-tiny_8xb128-amp-1600e_in1k.py \
        work_dirs/map/epoch_1600.pth photos/ --out pictures

Writes one picture per image: input | visible | reconstructed. The patch
normalisation is undone with the statistics of the true patches. Configs of
all methods work (MAP, MAE, AR, local MAE, diffusion, raw pixels). Each
``--also CONFIG CHECKPOINT`` adds a column with another model's reconstruction
from the same visible part, and ``--means`` one with the mean of each hidden
patch, which undoing the normalisation alone would give. ``--mask-ratio`` takes
several ratios, one per row. ``--tiles`` cuts images that are larger than in
pretraining into squares of that size and joins the results.
"""

import argparse
import sys
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('config', help='pretraining config')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('images', nargs='+', help='images, or folders of them')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument(
        '--also',
        nargs=2,
        action='append',
        default=[],
        metavar=('CONFIG', 'CHECKPOINT'),
        help='another model beside the first',
    )
    parser.add_argument(
        '--names', nargs='+', help='titles of the models (default: methods)'
    )
    parser.add_argument('--seed', type=int, default=0, help='of the masks')
    parser.add_argument(
        '--mask-ratio',
        type=float,
        nargs='+',
        metavar='RATIO',
        help="replace the config's, one row each",
    )
    parser.add_argument(
        '--means',
        action='store_true',
        help='a column with the mean of each hidden patch, for comparison',
    )
    parser.add_argument(
        '--tiles',
        action='store_true',
        help='cut large images into squares instead of shrinking them',
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import numpy as np
import torch
from torch import Tensor

from mmmap.datasets.image_folders import images_at
from mmmap.datasets.image_reader import ImageReader
from mmmap.engine.settings import open_model_config
from mmmap.engine.trained_models import check_channels, open_model
from mmmap.models.masking.ratio import MaskRatio
from mmmap.models.selfsup import MAP
from mmmap.models.selfsup.map import Reconstruction
from mmmap.visualization import method_names, method_rows
from mmmap.visualization.images import read_image, save_picture
from mmmap.visualization.reconstruction import COLUMNS, with_means
from mmmap.wording import counted


def open_all(args: argparse.Namespace) -> list[MAP]:
    """The models of a command line, which share a grid of units.

    Raises:
        InputError: A config or option that cannot be used, or models that
            cannot be given the same visible part.
        CheckpointError: A checkpoint that does not fit.
    """
    pairs = [(args.config, args.checkpoint), *args.also]
    # Any of the ratios serves here: each row sets its own.
    ratio = args.mask_ratio[0] if args.mask_ratio else None
    models = [open_model(*pair, ('MAP',), ratio) for pair in pairs]
    for model, (config, _) in zip(models, pairs):
        if size_of(model) != size_of(models[0]) or (
            model.backbone.patch_size != models[0].backbone.patch_size
        ):
            raise InputError(
                f'{config} is for {described(model)}, {args.config} for '
                f'{described(models[0])}: they cannot be shown the same '
                'part of an image. Draw them one by one'
            )
    return models


def size_of(model: MAP) -> tuple[int, int]:
    """H and W of the images a model was pretrained on."""
    h, w = model.decoder.pos_embed.weight.shape[1:3]
    return h * model.backbone.patch_size, w * model.backbone.patch_size


def described(model: MAP) -> str:
    """The sizes of a model, in words."""
    H, W = size_of(model)
    return f'images of {H}x{W} in units of {model.backbone.patch_size} pixels'


def titles_of(models: list[MAP], names: list[str] | None) -> list[str]:
    """Titles of the models' columns.

    Raises:
        InputError: More or fewer names than models.
    """
    if names is None:
        return method_names(models) if len(models) > 1 else [COLUMNS[-1]]
    if len(names) != len(models):
        raise InputError(
            f'--names gives {counted(len(names), "name")} for '
            f'{counted(len(models), "model")}; give one for each, in order'
        )
    return names


def draw(
    models: list[MAP],
    titles: list[str],
    image: Tensor,
    seed: int,
    ratios: list[float] | None = None,
    means: bool = False,
) -> np.ndarray:
    """The picture (H, W, 3), uint8 RGB, of an image (C, H, W).

    Args:
        models: One column each.
        titles: Titles of the columns.
        image: Its size is a multiple of the pretraining size.
        seed: Seed of the masks.
        ratios: Mask ratios, one row each; None for the config's.
        means: Add a column with the mean of each hidden patch.
    """
    size = size_of(models[0])
    tiles, columns = cut(image, size), image.shape[-1] // size[1]
    rows = []
    for ratio in ratios or [None]:
        shown = _shown(models, tiles, seed, ratio)
        rows.append([_joined(one, columns) for one in shown])
    shown = [Reconstruction(*map(torch.cat, zip(*r))) for r in zip(*rows)]
    if not all(one.reconstructed.isfinite().all() for one in shown):
        raise InputError(
            'a reconstruction is not finite (NaN or infinite): the '
            'checkpoint comes from a run that diverged'
        )
    preprocessors = [model.data_preprocessor for model in models]
    if means:
        patch = models[0].target_generator.patch_size
        shown.append(with_means(shown[0], patch))
        preprocessors.append(preprocessors[0])
        titles = [*titles, 'mean of each patch']
    return method_rows(shown, preprocessors, titles)


def _shown(
    models: list[MAP], images: Tensor, seed: int, ratio: float | None
) -> list[Reconstruction]:
    """Each model's reconstruction of the same visible parts of images."""
    plan, shown = None, []
    for model in models:
        batch = dict(inputs=images, data_samples=None)
        inputs = model.data_preprocessor(batch, False)['inputs']
        # Diffusion heads draw the same noise for each model, too.
        torch.manual_seed(seed)
        if plan is None:
            masking = model.masking
            if ratio is not None:
                masking.ratio = MaskRatio(ratio)
            plan = masking(model.backbone.layout(inputs))
        shown.append(model.reconstruct(inputs, plan))
    return shown


def cut(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image (C, H, W) as tiles (B, C, *size), row by row."""
    parts = image.unfold(1, size[0], size[0]).unfold(2, size[1], size[1])
    return parts.permute(1, 2, 0, 3, 4).flatten(0, 1)


def _joined(shown: Reconstruction, columns: int) -> Reconstruction:
    """Join tiles, row by row, to one image (1, C, H, W)."""
    return Reconstruction(
        *(
            torch.cat([torch.cat([*row], -1) for row in x.split(columns)], -2)[
                None
            ]
            for x in shown
        )
    )


def whole_tiles(
    path: Path, size: tuple[int, int], reader: ImageReader
) -> tuple[int, int]:
    """The largest multiple of the tile size that fits into an image.

    Raises:
        ReadingError: Not an image.
        InputError: It is smaller than a tile.
    """
    shape = reader.read(path)['img'].shape
    H, W = (edge // part * part for edge, part in zip(shape, size))
    if not H or not W:
        raise InputError(
            f'{path} is {shape[0]}x{shape[1]}, smaller than a tile of '
            f'{size[0]}x{size[1]}; remove --tiles'
        )
    return H, W


def run(args: argparse.Namespace) -> None:
    """Draw all images of the command line.

    Raises:
        InputError: A config, image or option that cannot be used.
        CheckpointError: A checkpoint that does not fit.
    """
    paths = images_at(args.images)
    models = open_all(args)
    titles = titles_of(models, args.names)
    # All are read before the first picture is written.
    reader = ImageReader(open_model_config(args.config))
    size = size_of(models[0])
    images = []
    for path in paths:
        room = whole_tiles(path, size, reader) if args.tiles else size
        images.append(read_image(path, room, reader))
    check_channels(models[0], dict(zip(paths, images)))
    for index, (path, image) in enumerate(zip(paths, images)):
        seed = args.seed + index
        picture = draw(
            models, titles, image, seed, args.mask_ratio, args.means
        )
        target = args.out / f'{index:04d}_{path.stem}.png'
        save_picture(target, picture)
        print(target)


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
