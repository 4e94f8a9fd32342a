"""The judgement of the doctor: facts in, rows of its table out.

Nothing here looks at the machine, except for the interpreter's path in the
commands.
"""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from .versions import ROOT, satisfies

# The maintained fork -> the upstream package, and its release that was tried.
UPSTREAM = {
    'onedl-mmengine': ('mmengine', '0.10.7'),
    'onedl-mmcv': ('mmcv', '2.1.0'),
    'onedl-mmdetection': ('mmdet', '3.3.0'),
    'onedl-mmsegmentation': ('mmsegmentation', '1.2.2'),
    'onedl-mmpretrain': ('mmpretrain', '1.2.0'),
}
# mmcv's operators in Python: in a checkout, and the name of their package.
PYTHON_OPS = ROOT / 'packages' / 'mmcv-ops-torchvision'
# Before the first, mmcv does not support torch; from the second on, torch's
# headers need C++20, and mmcv compiles as C++17.
TORCH_OLDEST, TORCH_TOO_NEW = '2.4', '2.14'

# mmpretrain's multimodal models import names that it no longer has.
TRANSFORMERS_TOO_NEW = '5'

# Module -> (the package that has it, the modules it needs first).
IMPORTS = {
    'torch': ('torch', ()),
    'torchvision': ('torchvision', ('torch',)),
    'mmengine': ('onedl-mmengine', ('torch',)),
    'mmcv.ops': ('onedl-mmcv', ('torch', 'torchvision', 'mmengine')),
    'mmpretrain.models': ('onedl-mmpretrain', ('torchvision', 'mmcv.ops')),
    'mmdet.models': ('onedl-mmdetection', ('torchvision', 'mmcv.ops')),
    'mmseg.models': ('onedl-mmsegmentation', ('torchvision', 'mmcv.ops')),
    'mmmap': ('mmmap', ('mmpretrain.models',)),
}
# Kernel module -> the package that has it. The compiled extension counts:
# mamba-ssm installs without it by default.
KERNELS = {
    'triton': 'triton',
    'selective_scan_cuda': 'mamba-ssm',
    'causal_conv1d_cuda': 'causal-conv1d',
}
BUILD_TOOLS = ('pip', 'wheel', 'ninja', 'psutil')
REINSTALL = ' --force-reinstall --no-deps'


class Row(NamedTuple):
    """One line of the table.

    Args:
        section: The part of the table.
        name: What was looked at.
        wanted: What was expected.
        found: What came.
        state: 'ok', 'note' (it works, or is optional) or 'wrong'.
        why: An explanation.
        fix: The command that fixes it.
    """

    section: str
    name: str
    wanted: str
    found: str
    state: str
    why: str = ''
    fix: str = ''


class Probe(NamedTuple):
    """What a separate process printed: its answer, or its last line."""

    ok: bool
    text: str = ''


def interpreter() -> str:
    """This interpreter, as typed in a shell."""
    path = Path(sys.executable)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))


class Doctor:
    """Compares facts with requirements, and knows the commands that fix.

    Args:
        wanted: Package -> specifier.
        found: Package -> version.
        nvidia: Whether an NVIDIA GPU answers.
        nvcc: Whether CUDA code can be compiled.
    """

    def __init__(
        self,
        wanted: dict[str, str],
        found: dict[str, str],
        nvidia: bool = False,
        nvcc: bool = False,
    ) -> None:
        self.wanted = wanted
        self.found = found
        self.nvidia = nvidia
        self.nvcc = nvcc

    def pins(self, *names: str) -> str:
        """Packages with their wanted versions, as typed in a shell."""
        pins = (name + self.wanted.get(name, '') for name in names)
        return ' '.join(map(shlex.quote, pins))

    def install(self, *names: str) -> str:
        """The command that installs packages at the wanted versions."""
        return f'{interpreter()} -m pip install {self.pins(*names)}'

    def reinstall(self, name: str) -> str:
        """The command that puts all files of a package in their place."""
        other = UPSTREAM.get(name, ('',))[0]
        away = f'{interpreter()} -m pip uninstall -y {other} && '
        prefix = away if other in self.found else ''
        if name == 'onedl-mmcv':
            return prefix + self.install_mmcv()
        if name in ('torch', 'torchvision'):
            return self.install('torch', 'torchvision') + REINSTALL
        return prefix + self.install(name) + REINSTALL

    def older_transformers(self) -> str:
        """The command that installs one that mmpretrain can use."""
        wanted = shlex.quote(f'transformers<{TRANSFORMERS_TOO_NEW}')
        return f'{interpreter()} -m pip install {wanted}'

    def install_mmcv(self) -> str:
        """The command that installs mmcv with its operators.

        Those in Python, which need no compiler, where there is a checkout.
        """
        if not PYTHON_OPS.is_dir():
            return self.build_mmcv()
        flags = REINSTALL if 'onedl-mmcv' in self.found else ''
        folder = shlex.quote(str(PYTHON_OPS))
        return (
            # Of pip's store, a compiled mmcv could come back.
            f'{self.install("onedl-mmcv")} --no-cache-dir{flags} && '
            f'{interpreter()} -m pip install --no-deps {folder}'
        )

    def build_mmcv(self) -> str:
        """The command that compiles mmcv's operators for this machine."""
        cuda = int(self.nvidia and self.nvcc)
        flags = REINSTALL if 'onedl-mmcv' in self.found else ''
        return (
            f'{self.install("setuptools", "wheel", "ninja", "psutil")} && '
            f'MMCV_WITH_OPS=1 FORCE_CUDA={cuda} {self.install("onedl-mmcv")} '
            f'--no-build-isolation --no-cache-dir{flags}'
        )

    def python(self, version: tuple[int, ...]) -> Row:
        """Judge the version of Python."""
        found = '.'.join(map(str, version))
        row = Row('packages', 'python', '>=3.10,<3.14', found, 'ok')
        if satisfies(found, row.wanted):
            return row
        return row._replace(
            state='wrong',
            why='the pinned packages have no builds for it',
            fix='make install VENV=.venv2 PYTHON=python3.11',
        )

    def packages(self) -> list[Row]:
        """Judge the versions of what is installed."""
        special = {'torch': self.torch, 'setuptools': self.setuptools}
        apart = {*BUILD_TOOLS, *KERNELS.values()}
        rows = []
        for name in (name for name in self.wanted if name not in apart):
            if name in UPSTREAM:
                rows.append(self.openmmlab(name))
            elif name in special:
                rows.append(special[name]())
            else:
                rows.append(self.package(name))
        return rows

    def package(self, name: str) -> Row:
        """Judge one version; another than the wanted one may work."""
        version = self.found.get(name, '-')
        row = Row('packages', name, self.wanted[name], version, 'ok')
        fix = self.install(name)
        if name == 'onedl-mmcv':
            fix = self.install_mmcv()
        if version == '-':
            return row._replace(state='wrong', why='not installed', fix=fix)
        if not satisfies(version, row.wanted):
            why = 'not the version that was tested'
            return row._replace(state='note', why=why, fix=fix)
        return row

    def torch(self) -> Row:
        """Judge torch; outside a range of versions mmcv cannot work."""
        row = self.package('torch')._replace(
            fix=self.install('torch', 'torchvision')
        )
        if row.state == 'ok':
            return row._replace(fix='')
        if row.found != '-' and satisfies(row.found, f'<{TORCH_OLDEST}'):
            why = f'too old: mmcv needs torch {TORCH_OLDEST} or later'
            return row._replace(state='wrong', why=why)
        compiled = PYTHON_OPS.name not in self.found
        if compiled and satisfies(row.found, f'>={TORCH_TOO_NEW}'):
            why = f'too new: mmcv compiles with torch before {TORCH_TOO_NEW}'
            return row._replace(state='wrong', why=why)
        return row

    def setuptools(self) -> Row:
        """Judge setuptools, which only builds need."""
        row = self.package('setuptools')
        if row.found == '-':
            return row._replace(state='note', why='needed only to build mmcv')
        if satisfies(row.found, '>=81'):
            why = 'mmcv builds with 80; torch refuses 82'
            return row._replace(state='wrong', why=why)
        return row

    def transformers(self) -> list[Row]:
        """Judge transformers, if it is installed; nothing needs it."""
        version = self.found.get('transformers')
        if version is None:
            return []
        wanted = f'<{TRANSFORMERS_TOO_NEW}'
        row = Row('packages', 'transformers', wanted, version, 'ok')
        if satisfies(version, wanted):
            return [row]
        why = (
            "mmpretrain's multimodal models need an older one; without "
            'mmmap, mmpretrain cannot be imported with this one'
        )
        return [
            row._replace(state='note', why=why, fix=self.older_transformers())
        ]

    def openmmlab(self, name: str) -> Row:
        """Judge one OpenMMLab package: the fork or upstream, never both."""
        other, tried = UPSTREAM[name]
        if other not in self.found:
            return self.package(name)
        version = self.found[other]
        row = Row('packages', name, self.wanted[name], version, 'note')
        if name in self.found:
            return row._replace(
                found=f'{self.found[name]}, {other} {version}',
                state='wrong',
                why=f'{name} and {other} own the same files',
                fix=self.reinstall(name),
            )
        known = satisfies(version, f'=={tried}')
        why = f'upstream {other}' + ('' if known else f'; {tried} was tested')
        return row._replace(why=why)

    def imports(self, probes: dict[str, Probe]) -> list[Row]:
        """Judge the imports; blame the first that fails, not all after it.

        Args:
            probes: Module -> what its import said, in the order of IMPORTS.
        """
        rows, failed = [], []
        for module, probe in probes.items():
            row = Row('imports', module, 'yes', 'yes', 'ok')
            if not probe.ok:
                cause = next(
                    (m for m in IMPORTS[module][1] if m in failed), ''
                )
                row = self.failed_import(module, cause, probe.text)
                failed.append(module)
            rows.append(row)
        return rows

    def failed_import(self, module: str, cause: str, text: str) -> Row:
        """Judge an import that failed, because of another or by itself."""
        row = Row('imports', module, 'yes', 'no', 'wrong', text)
        package = IMPORTS[module][0]
        names = (package, UPSTREAM.get(package, ('',))[0])
        if cause:
            return row._replace(why=f'needs {cause}')
        if package == 'mmmap':
            root = shlex.quote(str(ROOT))
            fix = f'{interpreter()} -m pip install --no-deps -e {root}'
            return row._replace(fix=fix)
        if not any(name in self.found for name in names):
            return row._replace(why='not installed')
        if 'NoneType takes no arguments' in text:
            # A name that mmpretrain takes from transformers is gone.
            why = f'{text}: transformers is too new for mmpretrain'
            return row._replace(why=why, fix=self.older_transformers())
        missing = re.search(r"No module named '(\w+)", text)
        if missing and missing[1] != module.split('.')[0]:
            # pip completes the dependencies of what is installed already.
            return row._replace(fix=self.install(package))
        return row._replace(fix=self.reinstall(package))

    def device(self, torch: str, cuda: str, ops: str | None) -> list[Row]:
        """Judge whether torch and mmcv can use the GPU, if there is one.

        Args:
            torch: The version of torch.
            cuda: The name of the CUDA device that torch sees, '' for none.
            ops: The CUDA version that mmcv's operators were built with,
                'not available' for none, 'none: ...' for those in Python,
                None where mmcv does not import.
        """
        wanted = 'cuda' if self.nvidia else 'cpu'
        rows = [Row('device', 'torch runs on', wanted, cuda or 'cpu', 'ok')]
        if self.nvidia and not cuda:
            rows[0] = rows[0]._replace(
                state='wrong',
                why=f'there is a GPU, but torch {torch} cannot use it',
                fix=self.reinstall('torch'),
            )
        if ops is None:
            return rows
        found = 'cpu' if ops == 'not available' else f'cuda {ops}'
        if ops.startswith('none'):
            found = 'torchvision'
        row = Row('device', 'mmcv operators', wanted, found, 'ok')
        if cuda and found == 'cpu':
            why = 'detectors stop on the GPU at the first NMS or RoIAlign'
            fix = self.build_mmcv() if self.nvcc else self.install_mmcv()
            row = row._replace(state='wrong', why=why, fix=fix)
        return [*rows, row]

    def scan(self, probe: Probe) -> list[Row]:
        """Report which backend computes an operator on a device, and why.

        Args:
            probe: Its answer is a list of (operator, device type, backend,
                reason), where the backend is 'error' if none can run.
        """
        if not probe.ok:
            return [Row('scan', 'backends', '', '-', 'wrong', probe.text)]
        return [
            Row(
                'scan',
                f'{op} on {device}',
                '',
                name,
                'wrong' if name == 'error' else 'ok',
                reason,
            )
            for op, device, name, reason in json.loads(probe.text)
        ]

    def kernels(self, probes: dict[str, Probe]) -> list[Row]:
        """Judge the optional kernels; a missing one is never wrong."""
        return [self.kernel(module, probe) for module, probe in probes.items()]

    def kernel(self, module: str, probe: Probe) -> Row:
        """Judge one kernel."""
        package = KERNELS[module]
        wanted = package + self.wanted.get(package, '')
        row = Row('kernels', module, wanted, 'yes', 'ok')
        if probe.ok:
            return row
        row = row._replace(found='no', state='note', why='optional')
        if not self.nvidia:
            return row._replace(why='optional, for an NVIDIA GPU')
        fix = self.install(package)
        if package != 'triton':
            # Prebuilt ones are fetched for other versions of torch, and
            # mamba-ssm leaves its Mamba-1 extension out by default.
            force = 'MAMBA_KEEP_CUDA_BUILD=TRUE MAMBA_FORCE_BUILD=TRUE'
            if package == 'causal-conv1d':
                force = 'CAUSAL_CONV1D_FORCE_BUILD=TRUE'
            fix = f'{force} {fix} --no-build-isolation --no-deps'
        return row._replace(fix=fix)
