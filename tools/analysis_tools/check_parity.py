"""Compare mmmap with numbers made by published code of MAP and MambaVision.

Example::

    python tools/analysis_tools/check_parity.py fixtures/*.pt

A fixture holds a configuration, official weights, inputs and what the
official code made of them; the model is built from the configuration, its
weights are converted, and everything in the file is compared: the largest
difference over the largest official value of each quantity. Exit status: 0
within the tolerance, 1 above it, 2 for a file that cannot be compared.
"""

import argparse
import sys

from mmmap.checkpoints import read_checkpoint
from mmmap.conversion.parity import errors_of


def report(path, found, tolerance):
    """A table of the errors of one fixture."""
    width = max(map(len, found))
    lines = [path]
    for name, error in found.items():
        # A NaN is no agreement either.
        verdict = '' if error <= tolerance else '  above the tolerance'
        lines.append(f'  {name:<{width}}  {error:.2e}{verdict}')
    # NaN is the largest of all.
    worst = max(
        found, key=lambda name: (found[name] != found[name], found[name])
    )
    lines.append(f'  largest: {worst}, {found[worst]:.2e}')
    return '\n'.join(lines)


def check(path, tolerance):
    """Compare one fixture and print its table; return the exit status."""
    try:
        found = errors_of(read_checkpoint(path))
    # Whatever a file of another form leads to.
    except Exception as error:
        print(f'error: {path}: {error}', file=sys.stderr)
        return 2
    print(report(path, found, tolerance))
    return 0 if all(e <= tolerance for e in found.values()) else 1


def main(argv=None):
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('fixtures', nargs='+', metavar='FIXTURE')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=1e-5,
        help='largest relative error allowed (default: 1e-5)',
    )
    args = parser.parse_args(argv)
    return max(check(path, args.tolerance) for path in args.fixtures)


if __name__ == '__main__':
    sys.exit(main())
