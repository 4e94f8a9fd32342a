"""What the ``prepare_*.py`` tools share: arguments, links, the summary.

Standard library only.
"""

import os
from pathlib import Path

from ..cli import command_parser


def link_dataset(source, destination):
    """Make ``destination`` a symbolic link to a data set.

    Args:
        source: Folder that holds the data.
        destination: Path that the configs expect. An existing link to
            ``source`` is kept.

    Raises:
        FileExistsError: Something else is at ``destination``.
    """
    source, destination = Path(source).resolve(), Path(destination)
    if destination.exists() and destination.resolve() == source:
        return
    refuse_existing(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.symlink_to(source, target_is_directory=True)


def refuse_existing(destination):
    """Raise FileExistsError if the path is taken."""
    if os.path.lexists(destination):
        raise FileExistsError(
            f'{destination} exists already and is not replaced: move it away, '
            'or link into another folder'
        )


def preparation_parser(description, advice, layout):
    """The arguments that all ``prepare_*.py`` take.

    Args:
        description: What the script does.
        advice: The expected tree, and where to get the data.
        layout: Path that configs expect below their data folder.

    Returns:
        argparse.ArgumentParser: With root, --link, --subset and --full.
    """
    parser = command_parser(description)
    parser.epilog = advice
    parser.add_argument('root', type=Path, help='folder of the data set')
    parser.add_argument(
        '--link',
        metavar='DATA',
        type=Path,
        help=f'if all is well, link it to DATA/{layout}',
    )
    parser.add_argument(
        '--subset',
        action='store_true',
        help='accept other numbers than those of the official data set',
    )
    parser.add_argument(
        '--full', action='store_true', help='open every file, not a sample'
    )
    return parser


def conclude(reports, advice, link, destination):
    """Print what was found and, if all is well, link it.

    Args:
        reports: The reports of all checks.
        advice: Printed if there is a problem.
        link: Function of the destination that makes the link.
        destination: Where to link to, or None.

    Returns:
        int: Exit status, 0 if complete.
    """
    print(*reports, sep='\n')
    if any(report.errors for report in reports):
        print(f'Not complete, nothing was changed.\n{advice}')
        return 1
    print('Complete.')
    if destination is None:
        return 0
    link(destination)
    print(f'Linked: {destination}')
    return 0
