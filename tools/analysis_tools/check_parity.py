"""Compare mmmap with numbers made by published code of MAP and MambaVision.

Example::

    python tools/analysis_tools/check_parity.py fixtures/*.pt

A fixture holds a configuration, official weights, inputs and the official
code's results. The tool builds the model from the configuration, converts the
weights and compares everything in the file: the largest difference relative to
the largest official value of each quantity. On points, what exceeds the
tolerance is recomputed in fp64: if it is at most twice the distance of our own
fp32 result from fp64, it is reported as rounding. Exit status: 0 within the
tolerance or the rounding, 1 above them, 2 if a file cannot be compared.
"""

import sys

from mmmap import cli


def parse_args(argv=None):
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('fixtures', nargs='+', metavar='FIXTURE')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=1e-5,
        help='largest relative error allowed (default: 1e-5)',
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.checkpoints import read_checkpoint
from mmmap.conversion.parity import errors_of, rounding_of


def verdict(error, tolerance, rounding):
    """A remark on an error, and whether it counts as a difference."""
    if error <= tolerance:
        return '', False
    if error <= 2 * rounding:
        return f'  rounding: fp32 is {rounding:.2e} from fp64', False
    # Also true for NaN.
    return '  above the tolerance', True


def report(path, found, verdicts):
    """A table of the errors of one fixture."""
    width = max(map(len, found))
    lines = [path]
    for name, error in found.items():
        lines.append(f'  {name:<{width}}  {error:.2e}{verdicts[name][0]}')
    # NaN counts as the largest.
    worst = max(
        found, key=lambda name: (found[name] != found[name], found[name])
    )
    lines.append(f'  largest: {worst}, {found[worst]:.2e}')
    return '\n'.join(lines)


def check(path, tolerance):
    """Compare one fixture and print its table; return the exit status."""
    try:
        fixture = read_checkpoint(path)
        found = errors_of(fixture)
        agreed = all(error <= tolerance for error in found.values())
        rounding = {} if agreed else rounding_of(fixture)
    # A file of another form may raise any of these.
    except Exception as error:
        message = f'{path} is not a fixture to compare with: {error}'
        print(f'error: {message}', file=sys.stderr)
        return 2
    verdicts = {
        name: verdict(error, tolerance, rounding.get(name, 0))
        for name, error in found.items()
    }
    print(report(path, found, verdicts))
    return int(any(differs for _, differs in verdicts.values()))


def main(argv=None):
    """Run the command line; return its exit status."""
    return cli.run(
        lambda args: max(check(p, args.tolerance) for p in args.fixtures),
        parse_args(argv),
    )


if __name__ == '__main__':
    sys.exit(main())
