r"""Predict on an image, a folder of images or a video.

Example::

    python tools/infer.py configs/mmseg/upernet_map_ade20k.py CHECKPOINT \
        street.jpg --out predicted
    python tools/infer.py CONFIG CHECKPOINT photos/ --out predicted \
        --batch-size 8 --save predictions
    python tools/infer.py CONFIG CHECKPOINT drive.mp4 --out predicted

The config may be of mmpretrain, mmseg or mmdet. DIR gets ``pictures/`` (for a
video: ``NAME.mp4``), ``predictions.jsonl`` with one line per image, and for
segmentation ``class_maps/`` with the class of each pixel. DIR appears at the
end; if an error stops the command, DIR holds the predictions so far. The
config's pipeline reads the images. Class names and colours come from the
checkpoint.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError

CHOICES = ('pictures', 'predictions')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('config', help='config of the model')
    parser.add_argument('checkpoint', help='.pth or .safetensors, or a URL')
    parser.add_argument('input', help='an image, a folder or a video')
    parser.add_argument('--out', required=True, metavar='DIR', help='results')
    parser.add_argument(
        '--save',
        nargs='+',
        choices=CHOICES,
        default=CHOICES,
        help='what to write; by default both',
    )
    parser.add_argument('--batch-size', type=int, default=1, help='batch size')
    parser.add_argument(
        '--min-score',
        type=float,
        default=0.3,
        help='lowest score of detections (default: 0.3)',
    )
    parser.add_argument(
        '--device', help='for example cuda:1; default: a GPU if there is one'
    )
    parser.add_argument(
        '--skip-bad',
        action='store_true',
        help='skip unusable images, and say how many',
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace existing predictions in DIR',
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from mmengine.config import Config
from rich.console import Console
from rich.progress import track

from mmmap.datasets.image_reader import ImageReader, ReadingError
from mmmap.engine.settings import open_config
from mmmap.engine.trained_models import check_channels
from mmmap.inference.outputs import FolderWriter, VideoWriter, new_folder
from mmmap.inference.sources import Video, source_of
from mmmap.wording import counted


def read_config(path: str) -> Config:
    """A config that can be tested.

    Raises:
        FileNotFoundError: It does not exist.
        InputError: It is only for pretraining.
    """
    config = open_config(path)
    if not config.get('test_dataloader'):
        raise InputError(
            f'{path} has no test_dataloader, whose pipeline reads the images; '
            'use the config of a classifier, a segmentor or a detector'
        )
    # The checkpoint also has the weights of the backbone.
    config.model.backbone.init_cfg = None
    return config


def build(config: Config, args: argparse.Namespace):
    """The predictor of a config's library."""
    from mmmap.inference.predictors import LIBRARIES

    kind = LIBRARIES[config.default_scope]
    options = {}
    if config.default_scope == 'mmdet':
        options['min_score'] = args.min_score
    return kind(config, args.checkpoint, args.device, **options)


def prepared(predictor, source):
    """Each usable frame, with the input of the model."""
    model = predictor.inferencer.model
    for frame in source:
        try:
            data = source.reader.finish(dict(frame.data))
            check_channels(model, {frame.data['img_path']: data['inputs']})
            yield frame, data
        except ReadingError as error:
            source.bad[frame.name] = str(error)


def batches(pairs, size: int):
    """Lists of pairs, each with consecutive images of one size."""
    batch = []
    for frame, data in pairs:
        other = batch and batch[0][0].image.shape != frame.image.shape
        if len(batch) == size or other:
            yield batch
            batch = []
        batch.append((frame, data))
    if batch:
        yield batch


def frames_with_predictions(predictor, source, size: int):
    """Each frame with its data sample."""
    for batch in batches(prepared(predictor, source), size):
        frames, data = zip(*batch)
        yield from zip(frames, predictor.predict(data))


def infer(predictor, source, folder: Path, args: argparse.Namespace) -> int:
    """Predict on everything, write into a folder; return the number."""
    writer = FolderWriter(folder)
    if isinstance(source, Video):
        writer = VideoWriter(folder, source.path.stem, source.fps)
    done = 0
    pairs = frames_with_predictions(predictor, source, args.batch_size)
    try:
        for frame, sample in track(
            pairs,
            'Predicting',
            total=len(source) or None,
            console=Console(stderr=True),
        ):
            if 'pictures' in args.save:
                drawn = predictor.draw(frame.image, sample)
                writer.picture(frame.name, drawn)
            if 'predictions' in args.save:
                writer.prediction(frame.name, predictor.record(sample))
            done += 1
    finally:
        writer.close()
    if not done:
        raise InputError(next(iter(source.bad.values())))
    return done


def check_numbers(args: argparse.Namespace) -> None:
    """Refuse options out of range.

    Raises:
        InputError: One is out of its range.
    """
    if args.batch_size < 1:
        raise InputError(
            f'--batch-size must be at least 1, got {args.batch_size}'
        )
    if not 0 <= args.min_score <= 1:
        raise InputError(
            f'--min-score must be from 0 to 1, got {args.min_score}'
        )


def conclude(source, done: int, args: argparse.Namespace) -> None:
    """Print what was predicted and what was not.

    Raises:
        InputError: Some images are unusable, and must not be skipped.
    """
    print(f'{args.out}: predictions on {counted(done, "image")}')
    if isinstance(source, Video) and source.note:
        print(f'note: {source.note}')
    if not source.bad:
        return
    shown = '; '.join(list(source.bad.values())[:3])
    bad = counted(len(source.bad), 'unusable image')
    message = f'skipped {bad}: {shown}'
    if not args.skip_bad:
        raise InputError(message)
    print(message)


def run(args: argparse.Namespace) -> None:
    """Check the options, predict, and print what was done.

    Raises:
        UserError: A config, checkpoint, input or option that cannot be used.
    """
    check_numbers(args)
    config = read_config(args.config)
    source = source_of(args.input, ImageReader(config), args.skip_bad)
    with new_folder(args.out, args.overwrite, args.input) as folder:
        predictor = build(config, args)
        with torch.no_grad(), cli.during('predicting'):
            done = infer(predictor, source, folder, args)
    conclude(source, done, args)


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
