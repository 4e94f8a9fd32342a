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
        command: As ``'segment'``.
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
            help='show where an error was raised, not its message alone',
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
        help='a line a class: NAME, VALUE NAME or R G B NAME; by default the '
        'values or colours of the masks are the classes',
    )
    parser.add_argument(
        '--ignore',
        nargs='+',
        type=int,
        metavar='VALUE',
        help='values of the masks that are not classes, often 255',
    )
    parser.add_argument('--val-masks', metavar='DIR', help='of --val-images')
    _add_labelled(parser)


def _add_detect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--images', required=True, help='folder of images')
    parser.add_argument(
        '--coco', required=True, metavar='JSON', help='in the form of COCO'
    )
    parser.add_argument('--val-coco', metavar='JSON', help='of --val-images')
    _add_labelled(parser)


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('images', help='folder with a folder for each class')
    _add_labelled(parser)


def _add_labelled(parser: argparse.ArgumentParser) -> None:
    """Options of all tasks with labels."""
    parser.add_argument(
        '--start',
        metavar='RUN',
        help='a pretraining run, a checkpoint, or published weights: map-base'
        '=FILE, mambavision-tiny=FILE and the like',
    )
    parser.add_argument(
        '--val-images', metavar='DIR', help='images to measure with'
    )
    parser.add_argument(
        '--val-list',
        metavar='FILE',
        help='names of the images to measure with, a line each',
    )
    parser.add_argument(
        '--val-share',
        type=_share,
        metavar='0..1',
        help='of the images that are kept to measure with; by default 0.15',
    )
    _add_choices(parser)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """Options of all trainings."""
    parser.add_argument('--out', required=True, help='folder of the run')
    parser.add_argument(
        '--dry-run', action='store_true', help='say what would be done'
    )
    chosen = parser.add_argument_group(
        'what is chosen by the data and the machine, and printed'
    )
    chosen.add_argument('--arch', choices=('mini', 'tiny', 'small', 'base'))
    chosen.add_argument(
        '--reading',
        choices=('colour', 'channels'),
        help='of images: as 8-bit colour, or with all channels and bits',
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
    edge='shorter edge that images are shrunk to, in pixels',
    crop='edge of what a step sees of an image, a multiple of 32',
    batch='images of a step',
    epochs='passes over the data',
    hours='choose the epochs so that the run ends in this time',
    lr='learning rate',
    layer_decay='factor of the learning rate from layer to layer',
    repeat='how often an epoch passes over the images',
)
_FRACTIONS = ('hours', 'lr', 'layer_decay')


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('run', help='folder of a run, or an exported file')
    parser.add_argument('images', help='an image, or a folder of images')
    parser.add_argument('--out', required=True, metavar='DIR', help='results')
    parser.add_argument(
        '--checkpoint', metavar='FILE', help='by default the best of the run'
    )
    parser.add_argument(
        '--min-score',
        type=_share,
        default=0.3,
        help='detections below it are left out (default: 0.3)',
    )
    parser.add_argument(
        '--tile',
        type=_count,
        metavar='PIXELS',
        help='larger images are predicted in tiles; by default twice the size '
        'of the training images',
    )
    parser.add_argument(
        '--overlap',
        type=_whole,
        metavar='PIXELS',
        help='of tiles; by default a quarter of a tile',
    )
    parser.add_argument(
        '--no-pictures', action='store_true', help='draw nothing'
    )
    parser.add_argument(
        '--device', help='as cuda:1; by default a GPU if there is one'
    )


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('run', help='folder of a run')
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='to write, .onnx'
    )
    parser.add_argument(
        '--checkpoint', metavar='FILE', help='by default the best of the run'
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace an existing file'
    )


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('run', help='folder of a run')


_COMMANDS = dict(
    pretrain=(_add_pretrain, 'learn from images without labels, with MAP'),
    segment=(_add_segment, 'learn the class of each pixel from masks'),
    detect=(_add_detect, 'learn to find objects, from a JSON as of COCO'),
    classify=(_add_classify, 'learn the class of an image from folders'),
    predict=(_add_predict, 'predict on images with a run'),
    export=(_add_export, 'write one file that predicts without torch'),
    report=(_add_report, 'write one page about a run'),
)


def _count(text: str) -> int:
    return _number(int, text, lambda n: n > 0, 'a whole number above 0')


def _whole(text: str) -> int:
    return _number(int, text, lambda n: n >= 0, 'a whole number from 0')


def _positive(text: str) -> float:
    return _number(float, text, lambda n: n > 0, 'a number above 0')


def _share(text: str) -> float:
    return _number(float, text, lambda n: 0 < n < 1, 'a number in 0..1')


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
