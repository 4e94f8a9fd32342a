"""The CUDA kernels compiled by g++ and run on CPU tensors; see the header."""

import ctypes
import functools
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from mmmap.ops.backend import BACKENDS, Backend

HEADER = Path(__file__).with_name('cuda_emulator.h')
FLAGS = ['-std=c++17', '-O1', '-w', '-fPIC', '-ffp-contract=off']
# By source file: the arguments' type and the kernels.
KERNELS = {
    'scan_forward(': ('ScanArgs', ['scan_forward']),
    'scan_segments(': ('ScanArgs', ['scan_segments', 'scan_join']),
    'scan_backward(': ('ScanArgs', ['scan_backward', 'scan_sum']),
    'conv_forward(': ('ConvArgs', ['conv_forward', 'conv_backward']),
}
needs_gxx = pytest.mark.skipif(
    shutil.which('g++') is None, reason='the emulation needs g++'
)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    """Where sources lie, beside the header, which is compiled once."""
    folder = tempfile.TemporaryDirectory(prefix='mmmap_emulated_')
    header = shutil.copy(HEADER, folder.name)
    command = ['g++', *FLAGS, '-x', 'c++-header', header]
    subprocess.run([*command, '-o', f'{header}.gch'], check=True)
    return folder


@functools.cache
def _library(text: str) -> ctypes.CDLL:
    arguments, names = next(v for k, v in KERNELS.items() if k in text)
    entries = '\n'.join(
        f'extern "C" void run_{name}(const {arguments} *p, unsigned x, '
        'unsigned y, int threads, int bytes) {\n'
        f'  emulator::launch(x, y, threads, bytes, [&] {{ {name}(*p); }});\n}}'
        for name in names
    )
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    source = Path(_folder().name) / f'{key}.cpp'
    source.write_text(f'#include "{HEADER.name}"\n{text}\n{entries}\n')
    target = source.with_suffix('.so')
    command = ['g++', *FLAGS, '-shared', str(source), '-o', str(target)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))


@functools.cache
def dispatch_on_the_cpu() -> None:
    """Let the operators dispatch CPU tensors to the kernels, once."""
    from mmmap.ops.causal_conv1d import cuda_conv
    from mmmap.ops.selective_scan import cuda_scan

    cuda_scan.implement('cuda', cuda_scan._forward, cuda_scan._backward, 'CPU')
    cuda_conv.register('CPU')


def run(text, name, grid, threads, shared, args) -> None:
    """As ``Kernels.launch``, on the CPU."""
    function = getattr(_library(text), f'run_{name}')
    columns, rows = (*grid, 1)[:2]
    function(ctypes.byref(args), columns, rows, threads, shared)


def emulate(monkeypatch, op: str, module) -> None:
    """Let backend ``cuda`` of an operator serve CPU tensors."""
    monkeypatch.setattr(
        module.Launch,
        '__call__',
        lambda self, *launch: run(self.text, *launch),
    )
    row = Backend('cuda', module.__name__, devices=('cpu',), proves=('cpu',))
    monkeypatch.setitem(BACKENDS, op, (row, *BACKENDS[op][1:]))
