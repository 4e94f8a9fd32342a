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

The file takes any number of normalised images, (B, C, H, W), with as many
channels as the model was trained on; mean, std and colour order are in its
metadata. It is kept only if the results of onnxruntime agree with PyTorch's to
1e-4 of the largest value. See docs/deployment.md.
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
        help='the model (a classifier or a segmentor), or its backbone',
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

from mmmap.checkpoints import read_checkpoint
from mmmap.engine.trained_models import (
    image_size,
    normaliser,
    open_whole,
)
from mmmap.export import ExportError, export_onnx, part_of


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


def export(args: argparse.Namespace) -> None:
    """Open, write, check, say what is there."""
    if not args.out.endswith('.onnx'):
        raise ExportError(f'OUT must end in .onnx, got {args.out}')
    model, config = open_whole(args.config, args.checkpoint)
    module, outputs = part_of(model, args.part)
    size = tuple(args.size or image_size(model.backbone))
    error = export_onnx(
        module,
        args.out,
        size,
        outputs,
        args.dynamic_size,
        metadata_of(config, args.checkpoint),
        args.overwrite,
    )
    edges = 'any size' if args.dynamic_size else f'{size[0]}x{size[1]} pixels'
    print(
        f'{args.out}: {args.part} for any number of images of {edges} -> '
        f'{", ".join(outputs)}; differs from PyTorch by {error:.1e}'
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    return cli.run(export, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
