"""Compile a backend's Triton kernels on a machine without a GPU.

Prints the bytes that each kernel spills.

    python -m tests.ops.compile_for_gpu scan 90 bf16 16
    python -m tests.ops.compile_for_gpu conv 80 fp32 4
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from mmmap.ops.causal_conv1d import triton_conv
from mmmap.ops.selective_scan import triton_kernels, triton_scan

# Arguments that are numbers; the others are pointers.
STRIDED = ('x', 'y', 'dx', 'dy')
SIZES = {'channels', 'per_group', 'L', 'N', 'chunks', 'reverse0', 'reverse1'}
SIZES |= {'D', 'step'} | {f'{x}_{d}' for x in STRIDED for d in 'bdt'}


def scan(state):
    """Kernels, constants, warps, a pattern of half arguments, integers."""
    constants = triton_scan.settings(state)
    warps = constants.pop('num_warps')
    flags = ('HAS_D', 'HAS_BIAS', 'SOFTPLUS', 'SAVE')
    constants |= dict.fromkeys(flags, True) | dict(BLOCKS=8)
    kernels = triton_kernels.forward_kernel, triton_kernels.backward_kernel
    return kernels, constants, warps, r'(u|delta|B|C)[01]', SIZES - {'D'}


def conv(width):
    """See ``scan``."""
    constants = dict(
        W=width,
        SILU=True,
        HAS_BIAS=True,
        DOUBLE=False,
        T=triton_conv.BLOCK_T,
        BLOCK=triton_conv.BLOCK_D,
    )
    kernels = triton_conv.forward_kernel, triton_conv.backward_kernel
    return kernels, constants, 4, 'dy|dx|x|y', SIZES


def spilled(kernel, constants, warps, half, sizes, arch, dtype):
    """The bytes that each function of a kernel spills."""
    names = kernel.arg_names

    def kind(name):
        if name in constants:
            return 'constexpr'
        if name in sizes:
            return 'i32'
        return f'*{dtype if re.fullmatch(half, name) else "fp32"}'

    compiled = triton.compile(
        ASTSource(
            kernel,
            {name: kind(name) for name in names},
            {(names.index(n),): constants[n] for n in names if n in constants},
        ),
        GPUTarget('cuda', arch, 32),
        dict(num_warps=warps),
    )
    ptxas = Path(triton.__file__).parent / 'backends/nvidia/bin/ptxas'
    target = f'-arch=sm_{arch}{"a" if arch == 90 else ""}'
    with tempfile.NamedTemporaryFile('w', suffix='.ptx') as file:
        file.write(compiled.asm['ptx'])
        file.flush()
        output = subprocess.run(
            [ptxas, '-v', target, file.name, '-o', '/dev/null'],
            capture_output=True,
            text=True,
            check=True,
        ).stderr
    return re.findall(r'(\d+) bytes spill stores', output)


if __name__ == '__main__':
    what, arch, dtype, size = sys.argv[1:]
    kernels, *rest = dict(scan=scan, conv=conv)[what](int(size))
    for kernel in kernels:
        print(*spilled(kernel, *rest, int(arch), dtype))
