"""The steps that make the environment, and the record of those done."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from installer.machine import (
    NEWEST_PYTHON,
    InstallError,
    compile_jobs,
    detect_ops,
    shown,
)
from installer.process import failure, run_logged, spoken

ROOT = Path(__file__).resolve().parents[2]
# mmcv's operators in Python, for an mmcv without compiled ones.
PYTHON_OPS = ROOT / 'packages' / 'mmcv-ops-torchvision'
# Measured for the CPU: 78 files, 12.5 minutes on 2 cores. With CUDA: a guess.
CORE_SECONDS = {'cpu': 1500, 'cuda': 5400}
FITS = f'import sys; assert (3, 10) <= sys.version_info[:2] <= {NEWEST_PYTHON}'
IMPORTS = 'import mmcv.ops, mmdet.models, mmseg.models, mmpretrain.models'
COMPILED = "import mmcv.ops; assert not mmcv._ext.__file__.endswith('.py')"
# Each loads mmcv's operators and checks that they are of the wanted kind.
OPS_CHECK = {
    'python': COMPILED.replace('not ', ''),
    'cpu': COMPILED,
    'cuda': f'{COMPILED}; assert mmcv._ext.get_compiling_cuda_version() '
    "!= 'not available'",
}


class Step(NamedTuple):
    """One step.

    Args:
        name: Its name in the record.
        title: What is printed.
        time: How long it takes, in words.
        key: Fingerprint of its inputs.
        run: Does it.
    """

    name: str
    title: str
    time: str
    key: str
    run: Callable[[], None]


class Record:
    """Which steps have succeeded, and from which inputs.

    Args:
        venv: The environment; the record is inside, so both are removed
            together.
    """

    def __init__(self, venv: Path) -> None:
        self.path = venv / 'install.json'

    def read(self) -> dict[str, str]:
        """All entries; none where there is no file yet."""
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def write(self, entries: dict[str, str]) -> None:
        """Replace the file atomically."""
        fresh = self.path.with_suffix('.new')
        fresh.write_text(json.dumps(entries, indent=1))
        os.replace(fresh, self.path)

    def put(self, name: str, key: str) -> None:
        """Add one entry."""
        self.write({**self.read(), name: key})

    def forget_packages(self) -> None:
        """Record that the environment exists, and its kind."""
        kept = {k: v for k, v in self.read().items() if k in ('venv', 'ops')}
        if kept:
            self.write(kept)


class Installer:
    """Makes or completes one environment.

    Args:
        venv: Its folder.
        ops: mmcv's operators: 'python' on torchvision, or compiled for
            'cpu' or 'cuda'; 'compiled' takes CUDA where a GPU and nvcc
            answer, 'auto' what was installed before, at first 'python'.
    """

    def __init__(self, venv: Path, ops: str = 'auto') -> None:
        self.venv = venv.absolute()
        self.python = self.venv / 'bin' / 'python'
        self.log = self.venv / 'install.log'
        self.record = Record(self.venv)
        self.lock = None
        if ops == 'auto':
            ops = self.record.read().get('ops', 'python')
        self.ops = detect_ops() if ops == 'compiled' else ops
        self.jobs = compile_jobs()

    def steps(self) -> list[Step]:
        """What there is to do, in order."""
        runtime, build, mm = map(pins, ('runtime', 'build', 'mminstall'))
        dev = pins('demo') + pins('tests') + pins('lint') + pins('export')
        torch, mmcv = pinned(runtime, 'torch'), pinned(mm, 'onedl-mmcv')
        metadata = (ROOT / 'pyproject.toml').read_text()
        scan = (
            (ROOT / 'setup.py').read_text(),
            sources(ROOT / 'mmmap/ops/csrc'),
        )
        return [
            Step(
                'venv',
                'virtual environment',
                '10 s',
                # Of the place itself: a link to it must not have it remade.
                digest(self.venv.resolve()),
                self.make_venv,
            ),
            Step(
                'runtime',
                'PyTorch, torchvision and libraries; 2.5 GB to download',
                '1 to 5 min',
                digest(*runtime),
                lambda: self.pip_install(*runtime),
            ),
            Step(
                'build',
                'tools to build with',
                '10 s',
                digest(*build),
                lambda: self.pip_install(*build),
            ),
            self.mmcv_step(torch, mmcv),
            Step(
                'openmmlab',
                'OpenMMLab packages, ONNX, tools to test and lint with',
                '1 to 2 min',
                digest(*mm, *dev),
                lambda: self.pip_install('--no-build-isolation', *mm, *dev),
            ),
            Step(
                'mmmap',
                'check that all imports, then mmmap itself with its C++ scan',
                '2 min',
                digest(ROOT, metadata, *scan, *runtime, *mm),
                self.install_mmmap,
            ),
        ]

    def mmcv_step(self, torch: str, mmcv: str) -> Step:
        """mmcv without a compiler, or compiled for one torch."""
        if self.ops == 'python':
            return Step(
                'mmcv',
                'mmcv, its operators in Python on torchvision',
                '20 s',
                digest(torch, mmcv, self.ops, sources(PYTHON_OPS)),
                lambda: self.install_python_ops(mmcv),
            )
        return Step(
            'mmcv',
            f'mmcv with operators for {self.ops}',
            f'{spoken(CORE_SECONDS[self.ops] / self.jobs)} to compile, '
            f'{self.jobs} files at a time; seconds if it is in the pip cache',
            digest(torch, mmcv, self.ops),
            lambda: self.compile_mmcv(mmcv),
        )

    def pending(self) -> list[Step]:
        """The steps that today's inputs still ask for."""
        done = self.record.read() if self.python.exists() else {}
        return [s for s in self.steps() if done.get(s.name) != s.key]

    def take_lock(self) -> None:
        """Wait until no other installer works on this environment.

        Commands inherit the lock: if the installer is killed, the next one
        waits for the pip that it has left behind.
        """
        self.venv.mkdir(parents=True, exist_ok=True)
        self.lock = (self.venv / 'install.lock').open('w')
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f'Waiting for another installer that uses {self.venv}')
            fcntl.flock(self.lock, fcntl.LOCK_EX)

    def install(self) -> None:
        """Do what is pending, and say what is going on."""
        remove_torn_packages(self.venv)
        steps = self.steps()
        begun = time.monotonic()
        for number, step in enumerate(steps, 1):
            head = f'[{number}/{len(steps)}] {step.title}'
            if step.name not in {s.name for s in self.pending()}:
                print(f'{head}: done before')
                continue
            print(f'{head} (about {step.time})', flush=True)
            start = time.monotonic()
            step.run()
            self.record.put(step.name, step.key)
            if step.name == 'mmcv':  # kept from here on, whatever follows
                self.record.put('ops', self.ops)
            now = time.monotonic()
            print(
                f'    done in {spoken(now - start)}; '
                f'{spoken(now - begun)} since the start',
                flush=True,
            )

    def make_venv(self) -> None:
        """Use an existing environment if it works; otherwise make one.

        Raises:
            InstallError: An existing one has no pip, or a Python that the
                pins have no builds for.
        """
        unrecorded = not self.record.read()
        if unrecorded and runs(self.python, 'pass'):
            self.check_adopted()
            return
        # Distinguishes an interrupted environment from one that others made.
        self.record.write({'venv': 'begun'})
        for child in self.venv.iterdir():
            if not child.name.startswith('install.'):
                remove(child)
        self.run([sys.executable, '-m', 'venv', self.venv])

    def check_adopted(self) -> None:
        """Check that an existing environment can be completed.

        Raises:
            InstallError: It cannot; the text says what to do.
        """
        reason = None
        if not runs(self.python, FITS):
            reason = 'its Python is not 3.10 to 3.13'
        elif not runs(self.python, 'import pip._internal'):
            reason = f'it has no pip ({self.python} -m ensurepip adds it)'
        if reason:
            raise InstallError(
                f'{shown(self.venv)} is an environment that was not made by '
                f'this installer, and {reason}. It is left alone.\nMove it '
                'away, or name another place: make install VENV=.venv2'
            )

    def install_python_ops(self, pin: str) -> None:
        """Install mmcv as Python alone, and its operators beside it.

        Compiled operators that are there already and load are kept, unless
        this installer has put them there: then others were asked for.
        """
        shutil.rmtree(PYTHON_OPS / 'build', ignore_errors=True)
        ops = ('--no-build-isolation', str(PYTHON_OPS))
        if 'mmcv' not in self.record.read() and runs(self.python, COMPILED):
            print('    mmcv has compiled operators already: they are kept')
            self.pip_install(*ops)
            return
        folder = self.venv / 'install.wheels'
        shutil.rmtree(folder, ignore_errors=True)
        # Built apart from the environment, mmcv finds no torch, and so
        # compiles nothing. pip must not have kept a compiled one.
        build = [self.python, '-m', 'pip', 'wheel', '--no-deps', pin]
        self.run([*build, '--no-cache-dir', '--wheel-dir', folder])
        wheels = [str(path) for path in folder.glob('*.whl')]
        for flags in ((), ('--force-reinstall', '--no-deps')):
            self.pip_install(*wheels, *ops, *flags)
            if runs(self.python, OPS_CHECK['python']):
                break
        else:  # let it say why not
            self.run([self.python, '-c', OPS_CHECK['python']])
        shutil.rmtree(folder)

    def compile_mmcv(self, pin: str) -> None:
        """Install mmcv, from pip's cache of built wheels if possible.

        pip keeps one wheel of a release, whatever it was built against. One
        that does not load here or lacks the CUDA operators is rebuilt, as
        is one that was installed for another torch.
        """
        command = ('-v', '--no-build-isolation', pin)
        again = ('--force-reinstall', '--no-deps')
        if 'mmcv' not in self.record.read():
            for flags in ((), again):
                self.pip_install(*command, *flags)
                if runs(self.python, OPS_CHECK[self.ops]):
                    return
        print('    the mmcv in the pip cache does not fit: compiling it')
        drop = ['cache', 'remove', 'onedl_mmcv*']
        self.run([self.python, '-m', 'pip', *drop], check=False)
        self.pip_install(*command, *again)
        self.run([self.python, '-c', OPS_CHECK[self.ops]])

    def install_mmmap(self) -> None:
        """Prove that the stack imports, then add the checkout itself."""
        self.run([self.python, '-c', IMPORTS])
        for stale in (ROOT / 'mmmap').glob('_C.*'):
            stale.unlink()
        flags = ('-v', '--no-deps', '--no-build-isolation')
        self.pip_install(*flags, '-e', str(ROOT))
        if not any((ROOT / 'mmmap').glob('_C.*')):
            print(
                '    the C++ operators could not be built (see the log): '
                'mmmap uses the torch ones, several times slower on a CPU'
            )

    def pip_install(self, *args: str) -> None:
        """Install within all pins at once, whichever step asks.

        Python compiles a module when it is first imported, which few are.
        """
        command = [self.python, '-m', 'pip', 'install', *args]
        command += ['--progress-bar', 'off', '--no-compile']
        for name in ('runtime', 'mminstall', 'build'):
            command += ['--constraint', ROOT / 'requirements' / f'{name}.txt']
        self.run(command)

    def run(self, command: list[str | Path], check: bool = True) -> None:
        """Run a command into the log.

        Raises:
            InstallError: It failed; the text ends the log and says so.
        """
        lock = [self.lock.fileno()] if self.lock else []
        status = run_logged(command, self.log, self.variables(), lock)
        if check and status:
            raise failure(command, status, self.log)

    def variables(self) -> dict[str, str]:
        """The variables for pip and for mmcv's build."""
        env = {
            **os.environ,
            'MMCV_WITH_OPS': '1',
            'FORCE_CUDA': '1' if self.ops == 'cuda' else '0',
            'MAX_JOBS': str(self.jobs),
            'PATH': f'{self.python.parent}{os.pathsep}{os.environ["PATH"]}',
            'PYTHONUNBUFFERED': '1',
        }
        # Packages of another environment must not shine through, neither here
        # nor where mmcv is built.
        for name in ('PYTHONPATH', 'PYTHONHOME', 'PIP_NO_BUILD_ISOLATION'):
            env.pop(name, None)
        return env


def pins(name: str) -> list[str]:
    """The requirements in one file, without comments and blank lines."""
    text = (ROOT / 'requirements' / f'{name}.txt').read_text()
    lines = [line.split('#')[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


def pinned(requirements: list[str], name: str) -> str:
    """The requirement of that name."""
    return next(r for r in requirements if r.startswith(f'{name}=='))


def sources(folder: Path) -> str:
    """The text of all source files in a folder and below."""
    ends = ('.py', '.toml', '.cpp', '.h', '.inc')
    files = (p for p in sorted(folder.rglob('*')) if p.suffix in ends)
    parts = [p for p in files if 'build' not in p.relative_to(folder).parts]
    return '\0'.join(path.read_text() for path in parts)


def digest(*parts: str | Path) -> str:
    """A short fingerprint of what a step is made from."""
    text = '\0'.join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def runs(python: Path, code: str) -> bool:
    """Whether an interpreter exists and runs this code."""
    if not python.exists():
        return False
    # -E: packages of another environment must not shine through.
    command = [python, '-E', '-c', code]
    return not subprocess.run(command, capture_output=True).returncode


def remove(path: Path) -> None:
    """Remove a file, a link or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def remove_torn_packages(venv: Path) -> list[str]:
    """Remove what an interrupted pip has left half installed.

    pip takes a package with a METADATA file for installed, and writes its
    INSTALLER file after nearly all others. What it is about to replace, it
    renames to a name that begins with a tilde.

    Returns:
        The names of what was removed.
    """
    torn = []
    for site in venv.glob('lib/python3*/site-packages'):
        infos = site.glob('*.dist-info')
        torn += [p for p in infos if not (p / 'INSTALLER').exists()]
        torn += site.glob('~*')
    for path in torn:
        remove(path)
    return [path.name for path in torn]
