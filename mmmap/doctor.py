"""What is installed, which scan will run, and how to fix what is wrong.

    python -m mmmap.doctor          a table, then the commands that fix it
    python -m mmmap.doctor --json   the same for programs

Exits with 1 when something required is wrong. Imports nothing outside the
standard library: everything else is tried in separate processes, so that a
crash is a line in the table.
"""

import argparse
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def python_path() -> str:
    """PYTHONPATH by which another interpreter finds this mmmap."""
    before = os.environ.get('PYTHONPATH')
    return os.pathsep.join(filter(None, [str(ROOT), before]))


if not __package__:  # run by its path: begin again as a part of mmmap
    os.environ['PYTHONPATH'] = python_path()
    again = [sys.executable, '-m', 'mmmap.doctor', *sys.argv[1:]]
    os.execv(sys.executable, again)

from mmmap.diagnosis import IMPORTS, KERNELS, Doctor, Probe, Row

REQUIREMENTS = ('runtime', 'mminstall', 'build', 'kernels')
STATES = {'ok': 'ok', 'note': 'note', 'wrong': 'WRONG'}
# As a user's program does it: with mmmap, which changes some of the others.
IMPORTED = 'imported by the doctor: '
IMPORT_EACH = f"""
import importlib, sys
import mmmap
for name in sys.argv[1:]:
    if name == 'mmmap':
        from mmmap.openmmlab.registration import register
        register()
    importlib.import_module(name)
    print('{IMPORTED}' + name, flush=True)
"""
DEVICE = """
import torch
cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else ''
try:
    from mmcv.ops import get_compiling_cuda_version
    ops = get_compiling_cuda_version()
except ImportError:
    ops = None
import json
print(json.dumps([torch.__version__, cuda, ops]))
"""


def normal(name: str) -> str:
    """A package's name in its one spelling."""
    return re.sub('[-_.]+', '-', name).lower()


def parse_requirement(line: str) -> tuple[str, str] | None:
    """Split 'torch==2.11.0  # why' in name and specifier."""
    match = re.match(r'([\w.-]+)\s*([^#;]*)', line)
    return (normal(match[1]), match[2].strip()) if match else None


def wanted_versions(folder: Path = ROOT / 'requirements') -> dict[str, str]:
    """Package -> specifier.

    From the requirements files of the checkout; where mmmap was installed
    without them, from its metadata, which was made from them.
    """
    if folder.is_dir():
        texts = [(folder / f'{name}.txt').read_text() for name in REQUIREMENTS]
        lines = '\n'.join(texts).splitlines()
    else:
        lines = importlib.metadata.requires('mmmap') or []
    return dict(filter(None, map(parse_requirement, lines)))


def found_versions() -> dict[str, str]:
    """Package -> version; the first on the path is the one imported."""
    found = {}
    for dist in importlib.metadata.distributions():
        if dist.metadata['Name']:
            found.setdefault(normal(dist.metadata['Name']), dist.version)
    return found


def has_nvidia() -> bool:
    """Whether an NVIDIA GPU answers."""
    if not shutil.which('nvidia-smi'):
        return False
    answer = subprocess.run(['nvidia-smi', '-L'], capture_output=True)
    return answer.returncode == 0


def run(*args: str) -> subprocess.CompletedProcess:
    """Run this interpreter afresh."""
    return subprocess.run(
        [sys.executable, '-W', 'ignore', *args],
        env={**os.environ, 'PYTHONPATH': python_path()},
        capture_output=True,
        text=True,
    )


def answer(done: subprocess.CompletedProcess) -> Probe:
    """The last line of what a process said."""
    if done.returncode < 0:
        return Probe(False, f'crashed with signal {-done.returncode}')
    said = done.stderr if done.returncode else done.stdout
    lines = said.strip().splitlines()
    return Probe(done.returncode == 0, lines[-1] if lines else '')


def ask(*args: str) -> Probe:
    """Run this interpreter in a new process; its last line is the answer."""
    return answer(run(*args))


def ask_imports(modules: Iterable[str]) -> dict[str, Probe]:
    """Import modules in a process, one after the other.

    What follows one that fails, or crashes, is imported in another process.
    """
    rest, answers = list(modules), {}
    while rest:
        done = run('-c', IMPORT_EACH, *rest)
        good = [
            line.removeprefix(IMPORTED)
            for line in done.stdout.splitlines()
            if line.startswith(IMPORTED)
        ]
        answers |= dict.fromkeys(good, Probe(True))
        rest = rest[len(good) :]
        if rest:
            answers[rest.pop(0)] = answer(done)
    return answers


def print_scan() -> None:
    """Print which backends run, for the doctor's own question."""
    from mmmap.ops import backend

    print(json.dumps(backend.report()))


def examine() -> list[Row]:
    """Look at everything; the rows of the whole table."""
    nvcc = shutil.which('nvcc') is not None
    doctor = Doctor(wanted_versions(), found_versions(), has_nvidia(), nvcc)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        imports = pool.submit(ask_imports, IMPORTS)
        device = pool.submit(ask, '-c', DEVICE)
        scan = pool.submit(ask, '-m', 'mmmap.doctor', '--scan')
        kernels = pool.submit(ask_imports, KERNELS)
    rows = [doctor.python(sys.version_info[:3]), *doctor.packages()]
    rows += [*doctor.transformers(), *doctor.imports(imports.result())]
    if imports.result()['torch'].ok:
        if device.result().ok:
            rows += doctor.device(*json.loads(device.result().text))
        rows += doctor.scan(scan.result())
    return rows + doctor.kernels(kernels.result())


def table(rows: list[Row]) -> str:
    """The rows in columns, with a headline for each section."""
    cells = [row[1:4] + (STATES[row.state],) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines, section = [], None
    for row, texts in zip(rows, cells):
        if row.section != section:
            section = row.section
            lines += ['', section]
        padded = [f'{text:<{width}}' for text, width in zip(texts, widths)]
        lines.append(f'  {"  ".join(padded)}  {row.why}'.rstrip())
    return '\n'.join(lines[1:])


def remedies(rows: list[Row]) -> str:
    """What to type, the wrong things first, each command once."""
    lines, seen = [], set()
    for state, title in (('wrong', 'To fix:'), ('note', 'If you like:')):
        chosen = [row for row in rows if row.state == state and row.fix]
        lines += ['', title] if chosen else []
        for row in chosen:
            if row.fix not in seen:
                lines += [f'  {row.name}: {row.why}', f'    {row.fix}']
            seen.add(row.fix)
    return '\n'.join(lines)


def report(rows: list[Row]) -> str:
    """The table, the remedies and the verdict, as text."""
    wrong = sum(row.state == 'wrong' for row in rows)
    text = f'{table(rows)}\n{remedies(rows)}\n'
    if not wrong:
        return f'{text}\nAll that is required works.'
    text += f'\n{wrong} of {len(rows)} things are wrong.'
    if (ROOT / 'Makefile').exists():
        text += ' All at once, in .venv: make repair'
    return text


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
