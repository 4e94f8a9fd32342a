"""Compiling, caching and launching the kernels.

A kernel is compiled for one case: its constants are written between the
common source and its own. Machine code is cached on disk, in
``$MMMAP_CACHE_DIR``, else ``$XDG_CACHE_HOME/mmmap``, else ``~/.cache/mmmap``,
under a hash of the source, the GPU's architecture and NVRTC's version.
"""

import ctypes
import functools
import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch
from cuda.bindings import driver, nvrtc

from ...writing import written_whole

SOURCES = Path(__file__).with_name('kernels')
ELEMENTS = {
    torch.float32: 'float',
    torch.bfloat16: 'bf16',
    torch.float16: 'f16',
}


_DIGEST = hashlib.sha256().digest_size


class Rows(ctypes.Structure):
    """``Rows`` of ``common.cuh``."""

    _fields_ = [
        ('data', ctypes.c_void_p),
        ('batch', ctypes.c_longlong),
        ('group', ctypes.c_longlong),
        ('token', ctypes.c_int),
    ]


def rows(x: torch.Tensor | None, group: int = 0) -> Rows:
    """A tensor (B, channels, L) whose channels lie next to each other.

    Args:
        x: The tensor; None gives a null pointer.
        group: Elements from one group of channels to the next.
    """
    if x is None:
        return Rows()
    return Rows(x.data_ptr(), x.stride(0), group, x.stride(2))


# Of both directions.
Pair = Rows * 2
Pointers = ctypes.c_void_p * 2


def pair(tensors: list[torch.Tensor], group: int = 0) -> Pair:
    """Rows of both directions; the only one of one stands twice.

    Args:
        tensors: One or two, as :func:`rows` takes them.
        group: Elements from one group of channels to the next.
    """
    return Pair(rows(tensors[0], group), rows(tensors[-1], group))


def pointers(tensors: list[torch.Tensor]) -> Pointers:
    """Addresses of both directions, null where there are no tensors."""
    if not tensors:
        return Pointers()
    return Pointers(tensors[0].data_ptr(), tensors[-1].data_ptr())


def source(files: tuple[str, ...], constants: Mapping[str, object]) -> str:
    """What is compiled: the common part, the constants, the kernels.

    Args:
        files: Names in ``kernels/``, in order.
        constants: ``T``, a type of torch, and numbers by name.
    """
    lines = []
    for name, value in constants.items():
        if isinstance(value, torch.dtype):
            lines.append(f'typedef {ELEMENTS[value]} {name};')
        else:
            lines.append(f'constexpr int {name} = {int(value)};')
    common, *rest = ((SOURCES / file).read_text() for file in files)
    return '\n'.join([common, *lines, *rest])


class Kernels:
    """Kernels of one source on one device, by name.

    Args:
        text: As :func:`source` gives it.
        device: Its index.

    Raises:
        RuntimeError: NVRTC or the driver refuses; with their message.
        torch.OutOfMemoryError: The device is full.
    """

    def __init__(self, text: str, device: int) -> None:
        # The device's context must exist and be current.
        with torch.cuda.device(device):
            torch.cuda.current_stream()
            arch = _architecture(torch.cuda.get_device_capability(device))
            code = _cached(text, arch)
            try:
                self._module = _load(code)
            except torch.OutOfMemoryError:
                # Code needs memory that torch keeps for later tensors.
                torch.cuda.empty_cache()
                self._module = _load(code)
        self.device = device
        self._functions = {}

    def launch(
        self,
        name: str,
        grid: tuple[int, ...],
        threads: int,
        shared: int,
        arguments: ctypes.Structure,
    ) -> None:
        """Start a kernel on torch's current stream of the device.

        Args:
            name: Of the kernel.
            grid: Blocks, up to three numbers.
            threads: Of a block.
            shared: Bytes of shared memory of a block.
            arguments: Passed by value.
        """
        function = self._function(name, shared)
        pointer = (ctypes.c_void_p * 1)(ctypes.addressof(arguments))
        with torch.cuda.device(self.device):
            stream = torch.cuda.current_stream().cuda_stream
            _check(
                driver.cuLaunchKernel(
                    function,
                    *grid,
                    *(1 for _ in range(3 - len(grid))),
                    *(threads, 1, 1),
                    shared,
                    stream,
                    ctypes.addressof(pointer),
                    0,
                ),
                f'launching {name}',
            )

    def _function(self, name: str, shared: int):
        if name not in self._functions:
            code = name.encode()
            (function,) = _check(
                driver.cuModuleGetFunction(self._module, code), name
            )
            kind = driver.CUfunction_attribute
            limit = kind.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            _check(driver.cuFuncSetAttribute(function, limit, shared), name)
            self._functions[name] = function
        return self._functions[name]


class Launch(NamedTuple):
    """Starts kernels of a source on a device; the tests emulate it.

    Args:
        text: As :func:`source` gives it.
        device: Where the kernels run.
    """

    text: str
    device: torch.device

    @classmethod
    def of(
        cls,
        files: tuple[str, ...],
        constants: Mapping[str, object],
        device: torch.device,
    ) -> 'Launch':
        """That of files with their constants, see :func:`source`."""
        return cls(_text(files, tuple(constants.items())), device)

    def __call__(self, name, grid, threads, shared, arguments) -> None:
        """As :meth:`Kernels.launch`."""
        kernels = _kernels(self.text, self.device.index or 0)
        kernels.launch(name, grid, threads, shared, arguments)


@functools.lru_cache(maxsize=256)
def _text(files: tuple[str, ...], constants: tuple) -> str:
    return source(files, dict(constants))


@functools.cache
def _kernels(text: str, device: int) -> Kernels:
    return Kernels(text, device)


def compile_source(text: str, arch: str) -> bytes:
    """Machine code for ``arch``, such as ``'sm_90'``, or PTX (compute_90).

    Raises:
        RuntimeError: With the compiler's messages.
    """
    program = _compiled(text, arch)
    kind = 'CUBIN' if arch.startswith('sm_') else 'PTX'
    size_of = getattr(nvrtc, f'nvrtcGet{kind}Size')
    (size,) = _check(size_of(program), 'NVRTC')
    code = bytearray(size)
    _check(getattr(nvrtc, f'nvrtcGet{kind}')(program, code), 'NVRTC')
    nvrtc.nvrtcDestroyProgram(program)
    return bytes(code)


def compile_log(text: str, arch: str) -> str:
    """What the compiler says, with registers and spills of each kernel."""
    return _log(_compiled(text, arch, '--ptxas-options=-v'))


def _compiled(text: str, arch: str, *options: str):
    """The compiler's program.

    Raises:
        RuntimeError: With the compiler's messages.
    """
    (program,) = _check(
        nvrtc.nvrtcCreateProgram(text.encode(), b'kernels.cu', 0, [], []),
        'NVRTC',
    )
    # Warnings of unused functions would hide an error.
    always = f'--gpu-architecture={arch}', '--std=c++17', '--disable-warnings'
    options = [*always, *options]
    options = [option.encode() for option in options]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    if status:
        message = _log(program)
        raise RuntimeError(f'NVRTC cannot compile for {arch}: {message}')
    return program


def _log(program) -> str:
    (size,) = _check(nvrtc.nvrtcGetProgramLogSize(program), 'NVRTC')
    log = bytearray(size)
    _check(nvrtc.nvrtcGetProgramLog(program, log), 'NVRTC')
    return log.decode(errors='replace').strip('\0\n')


@functools.cache
def _architecture(capability: tuple[int, int]) -> str:
    """The device's own, or PTX of the newest before it that NVRTC knows."""
    (known,) = _check(nvrtc.nvrtcGetSupportedArchs(), 'NVRTC')
    number = capability[0] * 10 + capability[1]
    if number in known:
        return f'sm_{number}'
    older = [arch for arch in known if arch < number]
    if not older:
        raise RuntimeError(
            f'NVRTC compiles for compute capabilities {sorted(known)}, and '
            f'the GPU has {number}'
        )
    return f'compute_{max(older)}'


def _cache_folder() -> Path:
    named = os.environ.get('MMMAP_CACHE_DIR')
    if named:
        return Path(named)
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'mmmap'


def _cached(text: str, arch: str) -> bytes:
    """The code from the cache, or compiled and put there.

    A file is a digest and the code. A damaged one is replaced: the driver,
    which does not know how long it is, could read beyond its end.
    """
    version = nvrtc.nvrtcVersion()
    key = hashlib.sha256(f'{version}{arch}\n{text}'.encode()).hexdigest()
    try:
        path = _cache_folder() / f'{key}.{arch}'
        content = path.read_bytes() if path.is_file() else b''
        digest, code = content[:_DIGEST], content[_DIGEST:]
        if content and hashlib.sha256(code).digest() == digest:
            return code
    except (OSError, RuntimeError):  # the latter: there is no home
        return compile_source(text, arch)
    code = compile_source(text, arch)
    # A cache that cannot be written costs time only. Two processes may write
    # it at once: each whole, the last one stays.
    with suppress(OSError), written_whole(path) as partial:
        partial.write_bytes(hashlib.sha256(code).digest() + code)
    return code


def _load(code: bytes):
    (module,) = _check(driver.cuModuleLoadData(code), 'loading kernels')
    return module


def _check(result: tuple, doing: str) -> tuple:
    """What a call returned after its status."""
    status, *values = result
    if status:
        full = status.name.endswith('OUT_OF_MEMORY')
        error = torch.OutOfMemoryError if full else RuntimeError
        raise error(f'{doing}: {status.name}')
    return tuple(values)
