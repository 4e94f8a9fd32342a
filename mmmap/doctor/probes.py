"""Probes, each in its own process: what imports and what runs."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from .diagnosis import IMPORTS, KERNELS, Doctor, Probe, Row
from .versions import ROOT, found_versions, wanted_versions

# With mmmap first, as in a user's program: it changes some of the others.
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


def python_path() -> str:
    """The PYTHONPATH with which another interpreter finds this mmmap."""
    before = os.environ.get('PYTHONPATH')
    return os.pathsep.join(filter(None, [str(ROOT), before]))


def has_nvidia() -> bool:
    """Whether an NVIDIA GPU answers."""
    if not shutil.which('nvidia-smi'):
        return False
    answer = subprocess.run(['nvidia-smi', '-L'], capture_output=True)
    return answer.returncode == 0


def run(*args: str) -> subprocess.CompletedProcess:
    """Run this interpreter in a new process."""
    return subprocess.run(
        [sys.executable, '-W', 'ignore', *args],
        env={**os.environ, 'PYTHONPATH': python_path()},
        capture_output=True,
        text=True,
    )


def answer(done: subprocess.CompletedProcess) -> Probe:
    """The last line that a process printed."""
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

    After a failure or a crash, a new process imports the rest.
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
    """Print which backends run; :func:`examine` runs this as a process."""
    from mmmap.ops import backend

    print(json.dumps(backend.report()))


def examine() -> list[Row]:
    """Run all probes; return the rows of the table."""
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
