"""Create the environment of mmmap: `make install`, or run this file.

Six steps, each recorded in the environment when it succeeds, so it is safe to
interrupt and repeat. Needs only the standard library.
"""

import sys

if sys.version_info < (3, 10):
    sys.exit(
        'mmmap needs Python 3.10 to 3.13, and this is Python %d.%d (%s).\n'
        'Name a newer one, for example: make install PYTHON=python3.11'
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

import argparse
import errno
import shutil
import signal
from pathlib import Path

from installer.machine import DISK_GB, InstallError, check_machine, shown
from installer.steps import ROOT, Installer, Record

DISK_ERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EACCES,
    errno.EPERM,
)


def stop(*_) -> None:
    """Treat SIGTERM as Ctrl-C."""
    raise KeyboardInterrupt


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--venv', type=Path, default=ROOT / '.venv')
    parser.add_argument(
        '--ops',
        choices=['auto', 'python', 'compiled', 'cpu', 'cuda'],
        default='auto',
        help="mmcv's operators: in Python on torchvision, or compiled, with "
        'CUDA where a GPU and nvcc answer; auto: what is installed, at first '
        'python',
    )
    parser.add_argument(
        '--repair',
        action='store_true',
        help='repeat every step',
    )
    return parser.parse_args()


def install(installer: Installer) -> None:
    """Check the machine, then do what is pending."""
    pending = {step.name for step in installer.pending()}
    check_machine(installer.venv, pending, installer.ops)
    installer.take_lock()
    free = shutil.disk_usage(installer.venv).free / 1e9
    print(
        f'Installing into {shown(installer.venv)}: about {DISK_GB} GB in all, '
        f'{free:.0f} GB are free. Log: {shown(installer.log)}\n'
        'Ctrl-C is safe: the same command continues after the last step done.',
        flush=True,
    )
    installer.install()


def main() -> int:
    """Install what is missing; 0 when all is there."""
    args = parse_args()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    try:
        if args.repair:
            Record(args.venv).forget_packages()
        installer = Installer(args.venv, args.ops)
        if installer.pending():
            install(installer)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        print(
            f'Cannot write to {shown(args.venv)}: {error.strerror}. Finished '
            'steps are kept:\nfix the cause and run the same command again.',
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(
            '\nInterrupted. Finished steps are kept: run the same command '
            'again to continue.',
            file=sys.stderr,
        )
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
