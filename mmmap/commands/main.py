r"""The ``mmmap`` command.

Example::

    mmmap pretrain photos/ --out runs/pretrained
    mmmap segment --images photos/ --masks masks/ \
        --start runs/pretrained --out runs/roads
    mmmap predict runs/roads new_photos/ --out predicted

The same command again continues a run that was stopped.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import cli
from ..errors import InputError
from ..version import __version__

_OUTLINE = argparse.RawDescriptionHelpFormatter


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    return _parsers()[0].parse_args(argv)


def checked(command: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a call from Python, as the command line would have them.

    Args:
        command: For example ``'segment'``.
        options: By their names, with ``_`` for ``-``; None where not given.

    Raises:
        InputError: The command has no such option, or not of this value.
    """
    known = {a.dest: a for a in _parsers()[1][command]._actions}
    del known['help'], known['traceback']
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InputError(
            f'{command} has no option {", ".join(unknown)}; its options are '
            f'{", ".join(sorted(known))}'
        )
    return {name: _value(known[name], v) for name, v in options.items()}


def _value(action: argparse.Action, given: Any) -> Any:
    """Convert a value as the command line does.

    Raises:
        InputError: It refuses the value.
    """
    if given is None or not (action.type or action.choices):
        return given
    if action.nargs == '+' and not isinstance(given, int | str):
        return [one for v in given for one in _value(action, v)]
    try:
        value = (action.type or str)(str(given))
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise InputError(f'{action.dest}: {error}') from error
    if action.choices and value not in action.choices:
        raise InputError(
            f'{action.dest} is {given!r}, expected one of '
            f'{", ".join(map(str, action.choices))}'
        )
    return [value] if action.nargs == '+' else value


def _parsers() -> tuple[argparse.ArgumentParser, dict]:
    """The parser of the command line, and that of each command."""
    parser = argparse.ArgumentParser(
        'mmmap', description=__doc__, formatter_class=_OUTLINE
    )
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(dest='command', required=True)
    for name, (add, about) in _COMMANDS.items():
        part = commands.add_parser(name, help=about, description=about)
        part.add_argument(
            '--traceback',
            action='store_true',
            help='show where an error was raised, not only its message',
        )
        add(part)
    return parser, commands.choices


def _add_pretrain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('images', help='folder of images')
    _add_choices(parser)


def _add_segment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--images', required=True, help='folder of images')
    parser.add_argument('--masks', required=True, help='folder of masks')
    parser.add_argument(
        '--classes',
        metavar='FILE',
        help='one class per line: NAME, VALUE NAME or R G B NAME; by default '
        'the values or colours of the masks are the classes',
    )
    parser.add_argument(
        '--ignore',
        nargs='+',
        type=int,
        metavar='VALUE',
        help='values of the masks to ignore, besides 255',
    )
    parser.add_argument(
        '--val-masks', metavar='DIR', help='masks of --val-images'
    )
    _add_labelled(parser)


def _add_detect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--images', required=True, help='folder of images')
    parser.add_argument(
        '--coco', required=True, metavar='JSON', help='in COCO format'
    )
    parser.add_argument(
        '--val-coco', metavar='JSON', help='annotations of --val-images'
    )
    _add_labelled(parser)


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('images', help='folder with one folder per class')
    _add_labelled(parser)


def _add_labelled(parser: argparse.ArgumentParser) -> None:
    """Options of all tasks with labels."""
    parser.add_argument(
        '--start',
        metavar='RUN',
        help='a pretraining run, a checkpoint, or published weights such as '
        'map-base=FILE or mambavision-tiny=FILE',
    )
    parser.add_argument(
        '--val-images', metavar='DIR', help='images for validation'
    )
    parser.add_argument(
        '--val-list',
        metavar='FILE',
        help='names of the validation images, one per line',
    )
    parser.add_argument(
        '--val-share',
        type=_share,
        metavar='0..1',
        help='share of the images for validation (default: 0.15)',
    )
    _add_choices(parser)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """Options of all trainings."""
    parser.add_argument('--out', required=True, help='folder of the run')
    parser.add_argument(
        '--dry-run', action='store_true', help='print the choices and stop'
    )
    chosen = parser.add_argument_group(
        'settings that are chosen for the data and the machine by default'
    )
    chosen.add_argument('--arch', choices=('mini', 'tiny', 'small', 'base'))
    chosen.add_argument(
        '--reading',
        choices=('colour', 'channels'),
        help='read images as 8-bit colour, or with all channels and bits',
    )
    chosen.add_argument('--patch', type=int, choices=(8, 16))
    for name, about in _NUMBERS.items():
        chosen.add_argument(
            f'--{name.replace("_", "-")}',
            type=_positive if name in _FRACTIONS else _count,
            metavar='N',
            help=about,
        )
    chosen.add_argument('--workers', type=_whole, metavar='N')


_NUMBERS = dict(
    edge='shrink images to this shorter edge, in pixels',
    crop='edge of the training crops, a multiple of 32',
    batch='images per step',
    epochs='number of epochs',
    hours='choose the epochs so that the run ends in this time',
    lr='learning rate',
    layer_decay='factor of the learning rate from layer to layer',
    repeat='passes over the images in an epoch',
)
_FRACTIONS = ('hours', 'lr', 'layer_decay')


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('run', help='folder of a run, or an exported file')
    parser.add_argument('images', help='an image, or a folder of images')
    parser.add_argument('--out', required=True, metavar='DIR', help='results')
    parser.add_argument(
        '--checkpoint', metavar='FILE', help='default: the best of the run'
    )
    parser.add_argument(
        '--min-score',
        type=_share,
        default=0.3,
        help='lowest score of detections (default: 0.3)',
    )
    parser.add_argument(
        '--tile',
        type=_count,
        metavar='PIXELS',
        help='predict larger images in tiles of this edge; by default, images '
        'more than four times as large as the training images, in tiles of '
        'their size',
    )
    parser.add_argument(
        '--overlap',
        type=_whole,
        metavar='PIXELS',
        help='overlap of tiles (default: a quarter of a tile)',
    )
    parser.add_argument(
        '--no-pictures', action='store_true', help='draw nothing'
    )
    parser.add_argument(
        '--device',
        help='for example cuda:1; default: a GPU if there is one',
    )


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('run', help='folder of a run')
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='.onnx file to write'
    )
    parser.add_argument(
        '--checkpoint', metavar='FILE', help='default: the best of the run'
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace an existing file'
    )


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('run', help='folder of a run')


_COMMANDS = dict(
    pretrain=(_add_pretrain, 'pretrain with MAP on images without labels'),
    segment=(_add_segment, 'train a segmentor on images and masks'),
    detect=(_add_detect, 'train a detector on images and a COCO JSON'),
    classify=(_add_classify, 'train a classifier on one folder per class'),
    predict=(_add_predict, 'predict on images with a trained model'),
    export=(_add_export, 'write the model as one file that needs no torch'),
    report=(_add_report, 'write a page about a run'),
)


def _count(text: str) -> int:
    return _number(int, text, lambda n: n > 0, 'a whole number above 0')


def _whole(text: str) -> int:
    return _number(int, text, lambda n: n >= 0, 'a whole number, 0 or more')


def _positive(text: str) -> float:
    return _number(float, text, lambda n: n > 0, 'a number above 0')


def _share(text: str) -> float:
    return _number(
        float, text, lambda n: 0 < n < 1, 'a number between 0 and 1'
    )


def _number(kind, text: str, right, expected: str):
    try:
        number = kind(text)
        if right(number):
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f'expected {expected}, got {text}')


def run(args: argparse.Namespace) -> int | None:
    """Run a command."""
    # Imports that take seconds, after --help and wrong options.
    if args.command == 'report':
        from .runs import report

        print(report(Path(args.run)))
        return None
    if args.command == 'export':
        from .exporting import export_run

        return export_run(args)
    if args.command == 'predict':
        from .predicting import run_predict

        return run_predict(args)
    from .training import run_task

    options = dict(vars(args))
    run_task(options.pop('command'), options)
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    return cli.run(run, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
