r"""Write a trained model as an ONNX file, checked against PyTorch.

Example::

    python tools/export_onnx.py \
        configs/mmpretrain/hybridnet-tiny_8xb128-amp-ft-400e_in1k.py \
        CHECKPOINT tiny.onnx
    python tools/export_onnx.py \
        configs/mmseg/upernet_map_ade20k.py CHECKPOINT upernet.onnx
    python tools/export_onnx.py \
        configs/mmdet/mask-rcnn_map-tiny_8xb2-1x_coco.py CHECKPOINT \
        backbone.onnx --part backbone --dynamic-size

The file takes any number of normalised images, (B, C, H, W), with the channels
that the model was trained on; mean, std and colour order are in its metadata.
It is kept only if the results of onnxruntime agree with PyTorch's to 1e-4 of
the largest value; boxes of detectors to 1e-3 pixels. `mmmap predict` runs a
file of a whole model without torch. See docs/deployment.md.
"""

import argparse
import sys
from collections.abc import Sequence

from mmmap import cli


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('config', help='config of the model')
    parser.add_argument('checkpoint', help='.pth or .safetensors, or a URL')
    parser.add_argument('out', help='file to write, .onnx')
    parser.add_argument(
        '--part',
        choices=('model', 'backbone'),
        default='model',
        help='the model, or its backbone',
    )
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        metavar=('H', 'W'),
        help='height and width; default: those of the backbone',
    )
    parser.add_argument(
        '--dynamic-size',
        action='store_true',
        help='allow any image size',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace an existing file'
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner

from mmmap.checkpoints import read_checkpoint
from mmmap.engine.trained_models import (
    image_channels,
    image_size,
    normaliser,
    open_whole,
)
from mmmap.errors import InputError, UserError
from mmmap.export import ExportError, export_detector, export_onnx, part_of
from mmmap.export.recipe import recipe_of
from mmmap.visualization.palettes import complete_meta

_CHECKED = 4  # images that a detector is compared on


def metadata_of(config, checkpoint: str) -> dict:
    """The metadata of the file."""
    normal = normaliser(config)
    metadata = dict(colors='RGB' if normal._channel_conversion else 'BGR')
    for name in ('mean', 'std'):
        if hasattr(normal, name):
            metadata[name] = getattr(normal, name).flatten().tolist()
    meta = read_checkpoint(checkpoint).get('meta') or {}
    classes = meta.get('dataset_meta', {}).get('classes')
    return metadata | (dict(classes=list(classes)) if classes else {})


def prepared_by(config, model, size, args) -> dict:
    """What `mmmap predict` needs to know, if it can use the file."""
    content = read_checkpoint(args.checkpoint)
    known = (content.get('meta') or {}).get('dataset_meta') or {}
    try:
        known = complete_meta(known, model)
        return dict(mmmap=recipe_of(config, model, size, known))
    except InputError as error:
        print(f'note: `mmmap predict` cannot use the file: {error}')
        return {}


def checked_images(config, model, size):
    """Images to compare a detector on: from the data set, or noise."""
    try:
        found = list(sample_images(config, model))
    # The data set is not on this machine.
    except (OSError, UserError):
        found = []
    channels = image_channels(model) or 3
    noise = torch.randn(1, channels, *(max(256, edge) for edge in size))
    return [*found, (noise, tuple(noise.shape[2:]))]


def sample_images(config, model):
    """Some test images, prepared for the model, and their sizes."""
    loader = dict(config.test_dataloader, num_workers=0)
    loader['persistent_workers'] = False
    dataset = Runner.build_dataloader(loader, seed=0).dataset
    for index in range(min(_CHECKED, len(dataset))):
        batch = pseudo_collate([dataset[index]])
        ready = model.data_preprocessor(batch, False)
        yield ready['inputs'], ready['data_samples'][0].img_shape[:2]


def export(args: argparse.Namespace) -> None:
    """Open the model, write and check the file, and describe it."""
    if not args.out.endswith('.onnx'):
        raise ExportError(f'OUT must end in .onnx, got {args.out}')
    model, config = open_whole(args.config, args.checkpoint)
    module, outputs = part_of(model, args.part)
    size = tuple(args.size or image_size(model.backbone))
    meta = metadata_of(config, args.checkpoint)
    if args.part == 'model':
        meta |= prepared_by(config, model, size, args)
    if 'boxes' in outputs:
        images = checked_images(config, model, size)
        error, number = export_detector(
            module, args.out, outputs, images, meta, args.overwrite
        )
        compared = (
            f'{number} boxes differ from PyTorch by at most {error:.1e} pixels'
            if number
            else 'not compared with PyTorch, which finds no box in the test '
            'images'
        )
        print(
            f'{args.out}: detector for an image of any size -> '
            f'{", ".join(outputs)}; {compared}'
        )
        return
    error = export_onnx(
        module,
        args.out,
        size,
        outputs,
        args.dynamic_size,
        meta,
        args.overwrite,
    )
    edges = 'any size' if args.dynamic_size else f'{size[0]}x{size[1]} pixels'
    print(
        f'{args.out}: {args.part} for any number of images of {edges} -> '
        f'{", ".join(outputs)}; differs from PyTorch by {error:.1e}'
    )


main = cli.command(parse_args, export)

if __name__ == '__main__':
    sys.exit(main())
