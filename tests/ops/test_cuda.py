"""The CUDA kernels: emulated on CPU tensors, and compiled for GPUs.

An emulated block runs its threads in turn, in shared memory that begins as
NaN; so races, unwritten results and wrong sums are seen without a GPU. On a
GPU, the same comparisons run on it as well.
"""

import itertools
import re

import pytest
import torch

from mmmap.ops import causal_conv1d, causal_conv1d_bidirectional
from mmmap.ops.backend import BACKENDS
from tests.ops.scan_cases import (
    assert_equals_reference,
    exact,
    make_scan,
    run_both,
    without,
)

cuda_scan = pytest.importorskip(
    'mmmap.ops.selective_scan.cuda_scan',
    reason='the kernels need cuda-bindings and NVRTC',
    exc_type=ImportError,
)
from mmmap.ops.causal_conv1d import cuda_conv  # noqa: E402
from mmmap.ops.cuda import program, source  # noqa: E402
from mmmap.ops.selective_scan.cuda_plan import Plan  # noqa: E402
from tests.ops import cuda_emulation  # noqa: E402

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32


@pytest.fixture(scope='module', autouse=True)
def on_the_cpu():
    """Let the operators dispatch CPU tensors to the kernels."""
    cuda_scan.implement('cuda', cuda_scan._forward, cuda_scan._backward, 'CPU')
    cuda_conv.register('CPU')


NO_GPU = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='torch finds no GPU'
)


@pytest.fixture(
    params=['cpu', pytest.param('cuda', marks=[pytest.mark.gpu, NO_GPU])]
)
def device(request, monkeypatch):
    """Where the kernels run."""
    if request.param == 'cpu':
        cuda_emulation.emulate(monkeypatch, 'selective_scan', cuda_scan)
        cuda_emulation.emulate(monkeypatch, 'causal_conv1d', cuda_conv)
    return request.param


def pairs(*shape, **options):
    """Inputs of both directions."""
    inputs = make_scan(*shape, **options)
    other = make_scan(*shape, **options, seed=9)
    return inputs | {f'{k}_b': v for k, v in other.items() if k != 'z'}


def assert_both(inputs, device, dtype=None):
    """Both directions, all gradients, against the reference in fp64."""
    assert_equals_reference(inputs, 'cuda', dtype, device, run=run_both)


@cuda_emulation.needs_gxx
@pytest.mark.parametrize('state', [3, 8, 16, 32, 64])
def test_every_number_of_states(state, device):
    assert_both(pairs(2, 5, 19, state), device)


@cuda_emulation.needs_gxx
@pytest.mark.parametrize('length', [1, 2, 16, 31, 33, 70])
def test_lengths(length, device):
    assert_both(pairs(1, 70, length, 16), device)


@cuda_emulation.needs_gxx
@pytest.mark.parametrize('dtype', [BF16, FP16], ids=str)
def test_half_types(dtype, device):
    inputs = exact(pairs(2, 6, 35, 16, dtype=torch.float64))
    assert_both(inputs, device, dtype)


@cuda_emulation.needs_gxx
@pytest.mark.parametrize('reverse', [False, True])
def test_one_direction_and_its_state(reverse, device):
    """Groups of an odd number of channels, too."""
    inputs = make_scan(2, 6, 21, 4, groups=2)
    assert_equals_reference(inputs, 'cuda', FP32, device, reverse=reverse)


@cuda_emulation.needs_gxx
@pytest.mark.parametrize('absent', [('z',), ('D', 'delta_bias')], ids='-'.join)
def test_without_optional(absent, device):
    names = [f'{n}{end}' for n in absent for end in ('', '_b')]
    assert_both(without(pairs(1, 4, 20, 4), *names), device)


@cuda_emulation.needs_gxx
def test_without_softplus(device):
    inputs = make_scan(1, 4, 9, 4)
    assert_equals_reference(inputs, 'cuda', FP32, device, delta_softplus=False)


@cuda_emulation.needs_gxx
@pytest.mark.parametrize(
    'plan', [Plan(16, 2, 4, 3, 32), Plan(16, 4, 4, 2, 64)], ids=str
)
def test_segments_and_lanes(plan, device, monkeypatch):
    monkeypatch.setattr(cuda_scan, 'plan', lambda *_: plan)
    assert_both(pairs(1, 6, 32 * plan.segments - 9, 16), device)


@cuda_emulation.needs_gxx
def test_segments_pass_the_gradient_of_the_last_state_on(device, monkeypatch):
    plan = Plan(4, 1, 2, 2, 32)
    monkeypatch.setattr(cuda_scan, 'plan', lambda *_: plan)
    assert_equals_reference(make_scan(1, 4, 50, 4), 'cuda', FP32, device)


@cuda_emulation.needs_gxx
def test_memory_layout_does_not_matter(device):
    """Parts of wider rows, as projections give them; channels first."""
    inputs = {k: v.detach() for k, v in pairs(2, 6, 12, 4).items()}
    for name in ('u', 'delta', 'B', 'C', 'z'):
        x = inputs[name]
        wide = torch.cat([x.mT, torch.full_like(x.mT, torch.nan)], dim=-1)
        inputs[name] = wide[..., : x.shape[1]].mT
    assert_both({k: v.requires_grad_() for k, v in inputs.items()}, device)


@cuda_emulation.needs_gxx
def test_order_of_threads_does_not_matter(monkeypatch):
    """As it would if a barrier were missing."""
    cuda_emulation.emulate(monkeypatch, 'selective_scan', cuda_scan)
    inputs = pairs(1, 70, 40, 16)
    forth = run_both(inputs, 'cuda', delta_softplus=True)
    monkeypatch.setenv('EMULATE_REVERSED', '1')
    back = run_both(inputs, 'cuda', delta_softplus=True)
    results = [[*outputs, *grads.values()] for outputs, grads in (forth, back)]
    assert all(map(torch.equal, *results))


def test_empty_batch(monkeypatch):
    cuda_emulation.emulate(monkeypatch, 'selective_scan', cuda_scan)
    (y,), grads = run_both(pairs(0, 4, 5, 4), 'cuda')
    assert y.shape == (0, 4, 5)
    assert all(grad.eq(0).all() for grad in grads.values())


def convolve(x, weights, biases, backend, reverse=None):
    """Outputs and gradients of both directions, or of one."""
    leaves = [
        t.detach().clone(memory_format=torch.preserve_format).requires_grad_()
        for t in (x, *weights, *biases)
    ]
    x, weights, biases = leaves[0], leaves[1:3], leaves[3:]
    if reverse is None:
        bias = biases or None
        ys = causal_conv1d_bidirectional(
            x, weights, bias, 'silu', backend=backend
        )
    else:
        leaves = [x, weights[0]]
        ys = [causal_conv1d(x, weights[0], reverse=reverse, backend=backend)]
    generator = torch.Generator().manual_seed(2)
    loss = 0
    for y in ys:
        grad = torch.randn(y.shape, generator=generator).bfloat16()
        loss = loss + (y.double() * grad.to(y.device)).sum()
    return [*ys, *torch.autograd.grad(loss, leaves)]


@cuda_emulation.needs_gxx
@pytest.mark.parametrize('reverse', [None, False, True])
@pytest.mark.parametrize(
    ('channels', 'length', 'width', 'dtype'),
    [(5, 1, 4, FP32), (130, 40, 4, FP32), (6, 33, 2, BF16), (6, 3, 3, FP16)],
    ids=str,
)
def test_convolution(channels, length, width, dtype, reverse, device):
    generator = torch.Generator().manual_seed(1)

    def normal(*size):
        x = torch.randn(size, generator=generator).bfloat16()
        return x.to(device, FP32)

    x = normal(2, length, channels).mT
    weights = [normal(channels, width) for _ in range(2)]
    biases = [normal(channels) for _ in range(2)]
    wide = [[t.double() for t in ts] for ts in (weights, biases)]
    truth = convolve(x.double(), *wide, 'reference', reverse)
    ours = convolve(x.to(dtype), weights, biases, 'cuda', reverse)
    # Weights and their gradients are fp32 whatever x is.
    kinds = {FP32: 1e-6, BF16: 2**-8, FP16: 2**-10}
    first_parameter = len(ours) - (2 if reverse is not None else 5) + 1
    for i, (value, right) in enumerate(zip(ours, truth, strict=True)):
        error = (value.double() - right).abs().max() / right.abs().max()
        parameter = i >= first_parameter
        assert error <= (1e-5 if parameter else kinds[dtype]), i


@pytest.mark.parametrize(
    ('traits', 'reason'),
    [((torch.float64, 16), 'fp64'), ((FP32, 65), 'up to 64 states, got 65')],
)
def test_what_the_scan_refuses(traits, reason):
    assert reason in cuda_scan.refuses(*traits)
    assert cuda_scan.refuses(BF16, 64) is None


def test_what_the_convolution_refuses():
    assert 'fp64' in cuda_conv.refuses(torch.float64, 4)
    assert 'up to 4 taps, got 5' in cuda_conv.refuses(BF16, 5)
    assert cuda_conv.refuses(BF16, 4) is None


def test_the_longest_sequence(monkeypatch):
    cuda_emulation.emulate(monkeypatch, 'selective_scan', cuda_scan)
    inputs = without(pairs(1, 2, cuda_scan.LONGEST + 1, 2), 'z')
    with pytest.raises(ValueError, match='takes up to 65536 tokens'):
        run_both(inputs, 'cuda')


def scan_sources(dtype, state, lanes=1):
    """Forward's, the segments' and backward's source."""
    plan = Plan(
        state, max(lanes, state // 16), {4: 2, 64: 8}.get(state, 4), 1, 32
    )
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
            dict(LANES=plan.lanes, SAVE=True, MIN_BLOCKS=plan.forward_blocks),
        ),
        ('scan_segments.cu', dict(GRADIENT=True)),
        (
            'scan_backward.cu',
            dict(
                WARPS=plan.warps,
                BACKWARD_BYTES=plan.backward_bytes,
                MIN_BLOCKS=16 // plan.warps,
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


# A100, RTX 30 and 40, H100, B200, RTX 50.
ARCHS = ('sm_80', 'sm_86', 'sm_89', 'sm_90', 'sm_100', 'sm_120')


@pytest.mark.parametrize('arch', ARCHS)
def test_nvrtc_compiles_for_every_gpu(arch):
    """Without a GPU; each type and template once."""
    kinds = itertools.cycle((BF16, FP32, FP16))
    states = (16, 64) if arch == 'sm_90' else (16,)
    for state in states:
        for text in scan_sources(next(kinds), state):
            assert program.compile_source(text, arch)[:4] == b'\x7fELF'
    code = program.compile_source(conv_source(next(kinds)), arch)
    assert code[:4] == b'\x7fELF'


@pytest.mark.parametrize('dtype', [BF16, FP32], ids=str)
def test_registers_of_the_common_case(dtype):
    """Those that were measured: 6 and 4 blocks of a multiprocessor fit."""
    limits = dict(scan_forward=(168, 48), scan_backward=(128, 120))
    forward, _, backward = scan_sources(dtype, 16)
    for text, name in ((forward, 'scan_forward'), (backward, 'scan_backward')):
        log = program.compile_log(text, 'sm_90')
        found = re.search(
            rf'{name}.*?(\d+) bytes spill stores.*?Used (\d+) registers',
            log,
            re.DOTALL,
        )
        spilled, registers = map(int, found.groups())
        assert registers <= limits[name][0]
        assert spilled <= limits[name][1]


def test_a_wrong_source_names_the_error():
    with pytest.raises(RuntimeError, match='NVRTC cannot compile.*nothing'):
        program.compile_source(
            '__device__ int f() { return nothing; }', 'sm_90'
        )


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
    assert file.read_bytes() == code
    monkeypatch.setattr(program, 'compile_source', None)
    assert program._cached(text, 'sm_90') == code


@pytest.mark.parametrize('folder', ['/proc/none', '/dev/null/none'])
def test_a_cache_that_cannot_be_written(folder, monkeypatch):
    monkeypatch.setenv('MMMAP_CACHE_DIR', folder)
    monkeypatch.setattr(program, 'compile_source', lambda *_: b'code')
    assert program._cached('text', 'sm_90') == b'code'


def test_backends_come_first_on_a_gpu():
    assert [BACKENDS[op][0].name for op in BACKENDS] == ['cuda', 'cuda']
