"""The CUDA kernels, emulated on CPU tensors.

An emulated block runs its threads in turn, in shared memory that begins as
NaN; so races, unwritten results and wrong sums are seen without a GPU. On a
GPU, the same comparisons run on it as well.
"""

import pytest
import torch

from mmmap.ops import (
    causal_conv1d,
    causal_conv1d_bidirectional,
    selective_scan,
)
from mmmap.ops.backend import BACKENDS
from tests.ops.scan_cases import (
    assert_equals_reference,
    exact,
    make_scan,
    run_both,
    run_scan,
    without,
)

cuda_scan = pytest.importorskip(
    'mmmap.ops.selective_scan.cuda_scan',
    reason='the kernels need cuda-bindings and NVRTC',
    exc_type=ImportError,
)
from mmmap.ops.causal_conv1d import cuda_conv  # noqa: E402
from mmmap.ops.selective_scan.cuda_plan import STATES, Plan, plan  # noqa: E402
from tests.ops import cuda_emulation  # noqa: E402

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32


@pytest.fixture(scope='module', autouse=True)
def on_the_cpu():
    """Let the operators dispatch CPU tensors to the kernels."""
    cuda_emulation.dispatch_on_the_cpu()


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


@pytest.mark.slow
@cuda_emulation.needs_gxx
@pytest.mark.parametrize('state', [3, 8, 16, 32, 64])
def test_every_number_of_states(state, device):
    assert_both(pairs(2, 5, 19, state), device)


@cuda_emulation.needs_gxx
@pytest.mark.parametrize('length', [1, 2, 16, 31, 33, 70])
def test_lengths(length, device):
    assert_both(pairs(1, 70, length, 16), device)


@pytest.mark.slow
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


@pytest.mark.parametrize('kilobytes', [64, 99, 163, 227])
@pytest.mark.parametrize('state', STATES)
def test_a_block_fits_every_gpu(state, kilobytes):
    made = plan(2**20, 196, state, kilobytes * 1024)
    assert made.backward_bytes <= kilobytes * 1024
    measured = {4: 2, 8: 4, 16: 4, 32: 4, 64: 8}
    assert 2 <= made.warps <= measured[state]
    if kilobytes > 99:
        assert made.warps == measured[state]


@cuda_emulation.needs_gxx
@pytest.mark.parametrize(('state', 'kilobytes'), [(8, 64), (64, 99)])
def test_little_shared_memory(state, kilobytes, monkeypatch):
    """Of Turing's and of RTX cards."""
    cuda_emulation.emulate(monkeypatch, 'selective_scan', cuda_scan)
    monkeypatch.setattr(cuda_scan, 'shared_bytes', lambda _: kilobytes * 1024)
    assert_both(pairs(1, 5, 19, state), 'cpu')


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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ('channels', 'state', 'message'),
    [
        (32768, 4, '32768 channels of 65536 tokens; select another backend'),
        (8192, 64, 'fewer than 2.31 states of an image, got 2147483648'),
    ],
)
def test_images_that_32_bits_cannot_count(
    channels, state, message, monkeypatch
):
    """Without a byte of such an image."""
    cuda_emulation.emulate(monkeypatch, 'selective_scan', cuda_scan)
    sequence = torch.zeros(1).expand(1, 65536, channels).mT
    weights = torch.zeros(1).expand(1, 65536, state).mT
    rates = torch.zeros(1).expand(channels, state)
    if state == 64:  # only the states are too many
        monkeypatch.setattr(cuda_scan, 'fp32_parameters', lambda x, _: x)
        monkeypatch.setattr(cuda_scan, 'token_rows', lambda x, **_: x)
    with pytest.raises(ValueError, match=message):
        selective_scan(
            sequence, sequence, rates, weights, weights, backend='cuda'
        )


@pytest.mark.parametrize(('step', 'kept'), [(2**29, 2**29), (2**30, 4)])
def test_weights_in_wide_rows_are_copied(step, kept):
    """B and C of images that span 2^31 elements of memory."""
    problem = cuda_scan._Problem.__new__(cuda_scan._Problem)
    problem.dtype, problem.length = FP32, 3
    rows = torch.empty_strided((1, 4, 3), (1, 1, step), device='meta')
    assert problem._weights(rows, 0).stride(2) == kept


@cuda_emulation.needs_gxx
@pytest.mark.parametrize('allocation', [1, 2, 3])
def test_a_full_device_in_the_backward(allocation, monkeypatch):
    """The error reaches the caller, and the next try is right."""
    cuda_emulation.emulate(monkeypatch, 'selective_scan', cuda_scan)
    inputs = make_scan(1, 4, 40, 4)
    plan = Plan(4, 1, 2, 2, 32)
    monkeypatch.setattr(cuda_scan, 'plan', lambda *_: plan)
    _, right = run_scan(inputs, 'cuda')
    whole = cuda_scan._Problem.floats
    countdown = [allocation + 4]  # the forward pass makes four

    def full(self, *shape):
        countdown[0] -= 1
        if not countdown[0]:
            raise torch.OutOfMemoryError('CUDA out of memory')
        return whole(self, *shape)

    with monkeypatch.context() as patched:
        patched.setattr(cuda_scan._Problem, 'floats', full)
        with pytest.raises(torch.OutOfMemoryError):
            run_scan(inputs, 'cuda')
    assert countdown == [0]
    _, again = run_scan(inputs, 'cuda')
    assert all(torch.equal(again[name], x) for name, x in right.items())


def test_backends_come_first_on_a_gpu():
    assert [BACKENDS[op][0].name for op in BACKENDS] == ['cuda', 'cuda']
