"""``python -m mmmap.doctor``."""

import argparse
import json
import sys

from mmmap.doctor.probes import examine, print_scan
from mmmap.doctor.report import report


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 when something required is wrong."""
    parser = argparse.ArgumentParser(
        prog='python -m mmmap.doctor',
        description='What is installed, and how to fix what is wrong.',
    )
    parser.add_argument('--json', action='store_true', help='for programs')
    parser.add_argument(
        '--scan', action='store_true', help='only the backends, as JSON'
    )
    args = parser.parse_args(argv)
    if args.scan:
        print_scan()
        return 0
    rows = examine()
    if args.json:
        print(json.dumps([row._asdict() for row in rows], indent=1))
    else:
        print(report(rows))
    return int(any(row.state == 'wrong' for row in rows))


if __name__ == '__main__':
    sys.exit(main())
