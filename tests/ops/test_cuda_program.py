"""Compiling the CUDA kernels for GPUs, and keeping the code; no GPU needed."""

import itertools
import multiprocessing
import re
import warnings
from contextlib import nullcontext

import pytest
import torch

from mmmap.ops import backend, selective_scan
from mmmap.ops.backend import BACKENDS, Backend
from tests.ops import cuda_emulation
from tests.ops.scan_cases import make_scan

cuda_scan = pytest.importorskip(
    'mmmap.ops.selective_scan.cuda_scan',
    reason='the kernels need cuda-bindings and NVRTC',
    exc_type=ImportError,
)
from mmmap.ops.cuda import program, source  # noqa: E402
from mmmap.ops.selective_scan.cuda_plan import plan  # noqa: E402

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32
# By GPU (T4, A100, RTX 30 and 40, H100, B200, RTX 50): KB of shared memory of
# a block, and a number of states beside the common 16.
ARCHS = {
    'sm_75': (64, 8),
    'sm_80': (163, 32),
    'sm_86': (99, 64),
    'sm_89': (99, 4),
    'sm_90': (227, 64),
    'sm_100': (227, 8),
    'sm_120': (99, 64),
}
TYPES = FP32, FP16, BF16
# Bytes that a thread spills at most: with 16 states in bf16, and in any case,
# of which 4 states in fp32 are the worst. What CUDA 13.0 gives.
SPILLS = dict(scan_forward={16: 0}, scan_backward={16: 92})
SPILLED = 140


def scan_sources(dtype, state, kilobytes=227):
    """Forward's, the segments' and backward's source."""
    made = plan(2**20, 196, state, kilobytes * 1024)
    constants = dict(
        T=dtype,
        N=state,
        DIRECTIONS=2,
        BACK0=False,
        BACK1=True,
        GATED=True,
        SOFTPLUS=True,
        S=cuda_scan.CHUNK,
    )
    own = (
        (
            'scan_forward.cu',
            dict(LANES=made.lanes, SAVE=True, MIN_BLOCKS=made.forward_blocks),
        ),
        ('scan_segments.cu', dict(GRADIENT=True)),
        (
            'scan_backward.cu',
            dict(
                WARPS=made.warps,
                BACKWARD_BYTES=made.backward_bytes,
                MIN_BLOCKS=16 // made.warps,
            ),
        ),
    )
    for file, more in own:
        yield source(('common.cuh', 'scan.cuh', file), constants | more)


def conv_source(dtype):
    """The convolution's."""
    constants = dict(
        T=dtype, W=4, DIRECTIONS=2, BACK0=False, BACK1=True, SILU=True
    )
    return source(('common.cuh', 'conv.cu'), constants | dict(TOKENS=128))


def usage(text, arch):
    """Spilled bytes and registers of each kernel, as the cubin has them."""
    log = program.compile_log(text, arch)
    found = re.findall(
        r"entry function '(\w+)'.*?(\d+) bytes spill stores"
        r'.*?Used (\d+) registers',
        log,
        re.DOTALL,
    )
    return {name: (int(spilled), int(used)) for name, spilled, used in found}


@pytest.mark.slow
@pytest.mark.parametrize(('arch', 'other'), zip(ARCHS, itertools.cycle(TYPES)))
def test_nvrtc_compiles_for_every_gpu(arch, other):
    """With registers for the blocks that a multiprocessor shall hold."""
    kilobytes, state = ARCHS[arch]
    for n, dtype in ((16, BF16), (state, other)):
        kernels = {}
        for text in scan_sources(dtype, n, kilobytes):
            kernels |= usage(text, arch)
        assert len(kernels) == 5
        for name, (spilled, registers) in kernels.items():
            allowed = SPILLS.get(name, {}).get(n, SPILLED)
            assert spilled <= (allowed if name in SPILLS else 0), name
            assert registers <= (128 if name == 'scan_backward' else 168)
    kernels = usage(conv_source(other), arch)
    assert kernels.keys() == {'conv_forward', 'conv_backward'}
    assert all(spilled == 0 for spilled, _ in kernels.values())


def test_code_is_for_the_gpu():
    assert program.compile_source(conv_source(BF16), 'sm_90')[:4] == b'\x7fELF'


def test_a_wrong_source_names_the_error():
    """At once: not after warnings of functions that a kernel does not use."""
    with pytest.raises(RuntimeError, match='NVRTC cannot compile.*nothing'):
        program.compile_source(
            '__device__ int f() { return nothing; }', 'sm_90'
        )
    text = conv_source(BF16) + '\n__device__ int f() { return nothing; }'
    with pytest.raises(RuntimeError) as error:
        program.compile_source(text, 'sm_90')
    assert len(str(error.value)) < 300


def test_the_newest_architecture_that_is_known(monkeypatch):
    architecture = program._architecture.__wrapped__
    assert architecture((9, 0)) == 'sm_90'
    # PTX of the newest, which the driver compiles for newer GPUs.
    assert architecture((99, 0)).startswith('compute_1')
    with pytest.raises(RuntimeError, match='the GPU has 35'):
        architecture((3, 5))


def test_code_is_compiled_once(tmp_path, monkeypatch):
    monkeypatch.setenv('MMMAP_CACHE_DIR', str(tmp_path / 'new'))
    text = conv_source(BF16)
    code = program._cached(text, 'sm_90')
    (file,) = (tmp_path / 'new').iterdir()
    assert file.read_bytes().endswith(code)
    monkeypatch.setattr(program, 'compile_source', None)
    assert program._cached(text, 'sm_90') == code


@pytest.mark.parametrize('damage', [slice(0), slice(20), slice(-1)], ids=str)
def test_a_damaged_file_is_replaced(damage, tmp_path, monkeypatch):
    monkeypatch.setenv('MMMAP_CACHE_DIR', str(tmp_path))
    monkeypatch.setattr(program, 'compile_source', lambda *_: b'x' * 100)
    program._cached('text', 'sm_90')
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[damage])
    assert program._cached('text', 'sm_90') == b'x' * 100
    assert file.read_bytes() == whole


@pytest.mark.parametrize('folder', ['/proc/none', '/dev/null/none'])
def test_a_cache_that_cannot_be_written(folder, monkeypatch):
    monkeypatch.setenv('MMMAP_CACHE_DIR', folder)
    monkeypatch.setattr(program, 'compile_source', lambda *_: b'code')
    assert program._cached('text', 'sm_90') == b'code'


def test_a_full_disk_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setenv('MMMAP_CACHE_DIR', str(tmp_path))
    monkeypatch.setattr(program, 'compile_source', lambda *_: b'code')

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(program.os, 'replace', full)
    assert program._cached('text', 'sm_90') == b'code'
    assert not list(tmp_path.iterdir())


def test_two_processes_compile_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv('MMMAP_CACHE_DIR', str(tmp_path))
    context = multiprocessing.get_context('fork')
    barrier, codes = context.Barrier(2), context.SimpleQueue()

    def compiled(*_):
        barrier.wait(30)  # both have found the cache empty
        return b'code' * 100_000

    monkeypatch.setattr(program, 'compile_source', compiled)
    processes = [
        context.Process(
            target=lambda: codes.put(len(program._cached('text', 'sm_90')))
        )
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [codes.get() for _ in processes] == [400_000] * 2
    (file,) = tmp_path.iterdir()
    monkeypatch.setattr(program, 'compile_source', None)
    assert len(program._cached('text', 'sm_90')) == 400_000


# What the driver answers when it is asked to load code.
REFUSALS = [
    'CUDA_ERROR_UNSUPPORTED_PTX_VERSION',  # of an older CUDA
    'CUDA_ERROR_NO_BINARY_FOR_GPU',
    'CUDA_ERROR_INVALID_IMAGE',
]


@pytest.fixture
def loads(monkeypatch, tmp_path):
    """A function: let a GPU's driver answer so when kernels are loaded."""

    def loads(*answers, capability=(9, 0)):
        left = list(answers)
        status = program.driver.CUresult.__members__
        monkeypatch.setattr(
            program.driver,
            'cuModuleLoadData',
            lambda code: (status[left.pop(0)], None),
        )
        fake = dict(
            device=lambda _: nullcontext(),
            current_stream=lambda: None,
            get_device_capability=lambda _: capability,
            empty_cache=lambda: left.append('CUDA_SUCCESS'),
        )
        for name, function in fake.items():
            monkeypatch.setattr(torch.cuda, name, function)

    cuda_emulation.dispatch_on_the_cpu()
    monkeypatch.setenv('MMMAP_CACHE_DIR', str(tmp_path))
    monkeypatch.delenv('MMMAP_SCAN_BACKEND', raising=False)
    monkeypatch.setattr(program, 'compile_source', lambda *_: b'code')
    monkeypatch.setattr(backend, '_proofs', {})
    backend._warn_once.cache_clear()
    program._kernels.cache_clear()
    row = Backend('cuda', cuda_scan.__name__, ('cpu',), proves=('cpu',))
    rows = (row, *BACKENDS['selective_scan'][1:])
    monkeypatch.setitem(BACKENDS, 'selective_scan', rows)
    yield loads
    program._kernels.cache_clear()


@pytest.mark.parametrize('answer', REFUSALS)
def test_a_driver_that_refuses_leads_to_the_next_backend(loads, answer):
    loads(answer)
    inputs = make_scan()
    with pytest.warns(RuntimeWarning, match=f'loading kernels: {answer}'):
        y = selective_scan(**inputs)
    assert torch.equal(y, selective_scan(**inputs))
    with pytest.raises(RuntimeError, match=f'cannot run: it fails.*{answer}'):
        selective_scan(**inputs, backend='cuda')


def test_an_old_gpu_leads_to_the_next_backend(loads):
    loads(capability=(3, 5))
    with pytest.warns(RuntimeWarning, match='and the GPU has 35'):
        selective_scan(**make_scan())


def test_without_nvrtc_the_next_backend_runs(loads, monkeypatch):
    loads()

    def missing():
        raise RuntimeError('Failure finding "libnvrtc.so"')

    monkeypatch.setattr(program.nvrtc, 'nvrtcVersion', missing)
    with pytest.warns(RuntimeWarning, match='Failure finding "libnvrtc.so"'):
        selective_scan(**make_scan())


def test_a_full_device_gives_up_torch_s_cache(loads):
    loads('CUDA_ERROR_OUT_OF_MEMORY')
    assert isinstance(program.Kernels('text', 0), program.Kernels)


def test_a_full_device_is_not_the_kernels_fault(loads):
    loads(*['CUDA_ERROR_OUT_OF_MEMORY'] * 2)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with pytest.raises(torch.OutOfMemoryError, match='loading kernels'):
            selective_scan(**make_scan())
    assert not backend._proofs
