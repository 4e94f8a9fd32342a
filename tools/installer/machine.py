"""What the machine has, and what it lacks."""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

NEWEST_PYTHON = (3, 13)
DISK_GB = 9
GB_PER_COMPILER = 2
PYTHON = f'python{sys.version_info[0]}.{sys.version_info[1]}'


class InstallError(Exception):
    """An error for the user; its text says what to do."""


def shown(path: Path) -> str:
    """A path as short as it can be written from here."""
    return min(os.path.relpath(path), str(path), key=len)


def available_gb() -> float:
    """Memory that new processes can have."""
    for line in Path('/proc/meminfo').read_text().splitlines():
        if line.startswith('MemAvailable:'):
            return int(line.split()[1]) / 1e6
    return 0.0


def compile_jobs() -> int:
    """How many compilers to run at once: one a core, if memory allows."""
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, int(available_gb() / GB_PER_COMPILER)))


def detect_ops() -> str:
    """'cuda' where a GPU answers and nvcc can build for it, else 'cpu'."""
    if not (shutil.which('nvidia-smi') and shutil.which('nvcc')):
        return 'cpu'
    answer = subprocess.run(['nvidia-smi', '-L'], capture_output=True)
    return 'cpu' if answer.returncode else 'cuda'


def check_machine(venv: Path, pending: set[str], ops: str) -> None:
    """Say what is missing before any time is spent.

    Args:
        venv: Where the environment is, or will be.
        pending: Names of the steps that are still to do.
        ops: Which operators of mmcv: 'python', 'cpu' or 'cuda'.

    Raises:
        InstallError: Something is missing; the text says how to get it.
    """
    if 'venv' in pending:
        check_python()
        check_place(venv)
    if 'runtime' in pending:
        check_disk(venv)
    if 'mmcv' in pending and ops != 'python':
        check_compiler()


def check_python() -> None:
    """Check that this Python can create an environment that fits the pins.

    Raises:
        InstallError: It is too new, or lacks venv or ensurepip.
    """
    if sys.version_info[:2] > NEWEST_PYTHON:
        raise InstallError(
            f'mmmap needs Python 3.10 to 3.13, and this is {PYTHON} '
            f'({sys.executable}): the pinned packages have no builds for it.\n'
            'Name an older one, for example: make install PYTHON=python3.12'
        )
    for module in ('venv', 'ensurepip'):
        if importlib.util.find_spec(module) is None:
            raise InstallError(
                f'{sys.executable} lacks its module {module}, which makes '
                f'environments.\nOn Debian or Ubuntu: apt-get install '
                f'{PYTHON}-venv'
            )


def check_place(venv: Path) -> None:
    """Check that `venv` may be used or replaced.

    Raises:
        InstallError: It is something other than an environment.
    """
    ours = ('pyvenv.cfg', 'install.lock')
    taken = venv.exists() and (not venv.is_dir() or any(venv.iterdir()))
    if taken and not any((venv / name).exists() for name in ours):
        raise InstallError(
            f'{shown(venv)} exists and is not a virtual environment, so it is '
            'left alone.\nMove it away, or name another place: '
            'make install VENV=.venv2'
        )


def check_disk(venv: Path) -> None:
    """Check that the environment has room.

    Raises:
        InstallError: There is not enough.
    """
    place = next(path for path in (venv, *venv.parents) if path.exists())
    free = shutil.disk_usage(place).free / 1e9
    if free < DISK_GB:
        raise InstallError(
            f'The environment takes about {DISK_GB} GB, and {shown(place)} '
            f'has {free:.1f} GB free.\nFree some, or name another place: '
            'make install VENV=/path/with/room/.venv'
        )


def check_compiler() -> None:
    """Check that C++ extensions of Python can be compiled.

    Raises:
        InstallError: The compiler or Python's headers are missing.
    """
    wanted = (os.environ.get('CXX', 'c++'), 'g++')
    if not any(shutil.which(shlex.split(name)[0]) for name in wanted if name):
        raise InstallError(
            "There is no C++ compiler (c++, g++ or $CXX) to compile mmcv's "
            'operators with.\nOn Debian or Ubuntu: apt-get install g++\n'
            'Or take those in Python on torchvision: make install OPS=python'
        )
    header = Path(sysconfig.get_paths()['include'], 'Python.h')
    if not header.exists():
        raise InstallError(
            f'{header} is missing, and C++ extensions include it.\n'
            f'On Debian or Ubuntu: apt-get install {PYTHON}-dev\n'
            'Or take the operators in Python: make install OPS=python'
        )
