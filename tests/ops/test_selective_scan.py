import math

import pytest
import torch
from torch.nn import functional as F

from mmmap.ops import selective_scan
from tests.ops.scan_cases import (
    ABSENT,
    FAST,
    SEQUENCES,
    assert_equals_reference,
    gradients,
    make_scan,
    without,
)


def scan_by_hand(u, delta, A, B, C, D, z, delta_bias):
    """One number after the other, as the equations are written."""
    batch, channels, length = u.shape
    y = torch.zeros_like(u)
    for b in range(batch):
        for d in range(channels):
            h = [0.0] * A.shape[1]
            for t in range(length):
                step = math.log1p(math.exp(delta[b, d, t] + delta_bias[d]))
                total = D[d] * u[b, d, t]
                for n in range(A.shape[1]):
                    h[n] *= math.exp(step * A[d, n])
                    h[n] += step * B[b, n, t] * u[b, d, t]
                    total += C[b, n, t] * h[n]
                gate = z[b, d, t] / (1 + math.exp(-z[b, d, t]))
                y[b, d, t] = total * gate
    return y


@pytest.mark.parametrize('backend', ['reference', *FAST])
def test_scan_is_the_recurrence_of_the_paper(backend):
    inputs = make_scan(2, 2, 5, 3, dtype=torch.float64)
    inputs = {k: v.detach() for k, v in inputs.items()}
    y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    torch.testing.assert_close(y, scan_by_hand(**inputs))


@pytest.mark.slow
@pytest.mark.parametrize('backend', ['reference', *FAST])
@pytest.mark.parametrize('groups', [None, 1, 2])
@pytest.mark.parametrize('absent', ABSENT, ids='-'.join)
@pytest.mark.parametrize('softplus', [True, False])
def test_gradients_by_finite_differences(backend, groups, absent, softplus):
    inputs = make_scan(2, 2, 3, 2, groups, torch.float64)
    present = [k for k in inputs if k not in absent]

    def scan(*values):
        return selective_scan(
            **without(inputs, *absent) | dict(zip(present, values)),
            delta_softplus=softplus,
            return_last_state=True,
            backend=backend,
        )

    assert torch.autograd.gradcheck(scan, [inputs[k] for k in present])


@pytest.mark.parametrize('backend', FAST)
def test_autocast_changes_nothing(backend):
    inputs = make_scan(2, 4, 100, 3)
    plain = selective_scan(**inputs, delta_softplus=True, backend=backend)
    grads = gradients([plain], inputs)
    with torch.autocast('cpu', torch.bfloat16):
        y = selective_scan(**inputs, delta_softplus=True, backend=backend)
        under = gradients([y], inputs)
    assert torch.equal(y, plain)
    for name, grad in grads.items():
        torch.testing.assert_close(under[name], grad)


def strided(x):
    """The same values on every other element of memory."""
    return torch.stack([x, x.new_full(x.shape, torch.nan)], -1)[..., 0]


@pytest.mark.parametrize('backend', FAST)
def test_layout_of_memory_does_not_matter(backend):
    inputs = {k: v.detach() for k, v in make_scan(length=65).items()}
    y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    moved = {k: strided(v) for k, v in inputs.items()}
    for name in SEQUENCES:
        # Channels last, as the mixer hands them over.
        moved[name] = inputs[name].mT.contiguous().mT
    assert not moved['u'].is_contiguous()
    moved = {k: v.requires_grad_() for k, v in moved.items()}
    torch.testing.assert_close(
        selective_scan(**moved, delta_softplus=True, backend=backend), y
    )
    assert_equals_reference(moved, backend)


@pytest.mark.parametrize('backend', FAST)
def test_expanded_inputs(backend):
    inputs = make_scan(batch=1, length=30)
    for name in SEQUENCES:
        inputs[name] = inputs[name].expand(3, *inputs[name].shape[1:])
    ((y, _), _) = assert_equals_reference(inputs, backend)
    torch.testing.assert_close(y[0], y[2])


@pytest.mark.parametrize('backend', FAST)
def test_empty_batch(backend):
    inputs = make_scan(batch=0, length=5)
    y, state = selective_scan(
        **inputs, return_last_state=True, backend=backend
    )
    assert y.shape == (0, 4, 5)
    assert state.shape == (0, 4, 3)
    grads = gradients([y], inputs)
    assert all(grad.eq(0).all() for grad in grads.values())


@pytest.mark.parametrize('backend', FAST)
@pytest.mark.parametrize(
    'learned',
    [[k] for k in make_scan()] + [['u', 'A'], ['B', 'z', 'delta_bias']],
    ids='-'.join,
)
def test_gradients_of_some_inputs_only(backend, learned):
    inputs = make_scan(length=20)
    everything = gradients(
        [selective_scan(**inputs, delta_softplus=True, backend=backend)],
        inputs,
    )
    some = {
        k: v.detach().requires_grad_(k in learned) for k, v in inputs.items()
    }
    grads = gradients(
        [selective_scan(**some, delta_softplus=True, backend=backend)], some
    )
    assert sorted(grads) == sorted(learned)
    for name in learned:
        torch.testing.assert_close(grads[name], everything[name])


@pytest.mark.parametrize('backend', FAST)
def test_last_state_continues_a_sequence(backend):
    """The state after t steps is that of the sequence cut there."""
    inputs = make_scan(length=40)
    cut = {k: v[..., :25] if k in SEQUENCES else v for k, v in inputs.items()}
    _, state = selective_scan(**cut, return_last_state=True, backend=backend)
    still = {
        # A step of zero leaves the state alone.
        k: F.pad(v, (0, 15)) if k in SEQUENCES else v
        for k, v in cut.items()
    }
    still['delta_bias'] = None
    cut['delta_bias'] = None
    _, state = selective_scan(**cut, return_last_state=True, backend=backend)
    _, later = selective_scan(**still, return_last_state=True, backend=backend)
    torch.testing.assert_close(later, state)


@pytest.mark.parametrize('backend', FAST)
def test_reverse_is_a_flip_of_everything(backend):
    inputs = make_scan(length=37)
    flipped = {
        k: v.flip(-1) if k in SEQUENCES else v for k, v in inputs.items()
    }
    y, state = selective_scan(
        **inputs,
        delta_softplus=True,
        reverse=True,
        return_last_state=True,
        backend=backend,
    )
    expected, last = selective_scan(
        **flipped, delta_softplus=True, return_last_state=True, backend=backend
    )
    torch.testing.assert_close(y, expected.flip(-1))
    torch.testing.assert_close(state, last)
    assert not torch.allclose(
        y, selective_scan(**inputs, delta_softplus=True, backend=backend)
    )


def saved_elements(run):
    """Largest and total number of elements autograd keeps for backward."""
    sizes = {}

    def pack(x):
        sizes[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        out = run()
    sizes = [size // 4 for size in sizes.values()]
    return max(sizes), sum(sizes), out


@pytest.mark.parametrize('backend', FAST)
@pytest.mark.parametrize('length', [256, 1024, 4096])
def test_memory_for_backward_is_linear_in_length(backend, length):
    """At most nine sequences of B*D*L elements are kept.

    Those are u, delta and what softplus, skip and gate need, B and C, and a
    state a chunk; a single tensor of B*L*D*N would be sixteen.
    """
    inputs = make_scan(1, 32, length, 16)
    largest, total, _ = saved_elements(
        lambda: selective_scan(**inputs, delta_softplus=True, backend=backend)
    )
    assert largest <= 32 * length
    assert total <= 9 * 32 * length


def test_reference_materialises_what_the_chunked_scan_does_not():
    """The measure of the test above does see such tensors."""
    inputs = make_scan(1, 32, 256, 16)
    _, total, _ = saved_elements(
        lambda: selective_scan(
            **inputs, delta_softplus=True, backend='reference'
        )
    )
    assert total > 2 * 32 * 256 * 16


@pytest.mark.parametrize('backend', FAST)
def test_longest_sequence(backend):
    inputs = make_scan(1, 2, 16384, 2)
    y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    grads = gradients([y], inputs)
    wide = {k: v.detach().double().requires_grad_() for k, v in inputs.items()}
    truth = selective_scan(**wide, delta_softplus=True, backend=backend)
    torch.testing.assert_close(y.double(), truth, rtol=1e-4, atol=1e-4)
    for name, expected in gradients([truth], wide).items():
        error = (grads[name].double() - expected).abs().max()
        assert error < 1e-4 * expected.abs().max(), name
    # Only what came before matters, and the beginning is as short scans.
    short = {
        k: v[..., :100] if k in SEQUENCES else v for k, v in inputs.items()
    }
    torch.testing.assert_close(
        selective_scan(**short, delta_softplus=True, backend=backend),
        y[..., :100],
    )


def test_argument_order_is_mamba_ssm_s():
    inputs = make_scan()
    by_name = selective_scan(
        **inputs, delta_softplus=True, return_last_state=True
    )
    names = ('u', 'delta', 'A', 'B', 'C', 'D', 'z', 'delta_bias')
    in_order = selective_scan(*(inputs[k] for k in names), True, True)
    for ours, expected in zip(in_order, by_name, strict=True):
        assert torch.equal(ours, expected)


WRONG = [
    ('u', (2, 4), r'u must be \(B, D, L\).*got \(2, 4\)'),
    ('u', (2, 4, 0), r'L at least 1, got \(2, 4, 0\)'),
    ('delta', (2, 4, 8), r'delta must be \(2, 4, 9\).*got \(2, 4, 8\)'),
    ('A', (5, 3), r'A must be \(4, N\) with N at least 1, got \(5, 3\)'),
    ('A', (4,), r'A must be \(4, N\) with N at least 1, got \(4,\)'),
    ('A', (4, 0), r'N at least 1, got \(4, 0\)'),
    ('B', (2, 3, 8), r'B must be \(2, 3, 9\).*got \(2, 1, 3, 8\)'),
    ('B', (2, 3, 3, 9), r'B must be.*G a divisor of 4, got \(2, 3, 3, 9\)'),
    ('C', (2, 4, 9), r'C must be \(2, 3, 9\).*got \(2, 1, 4, 9\)'),
    ('C', (2, 2, 3, 9), 'B has 1 groups, C has 2'),
    ('D', (3,), r'D must be \(4,\).*got \(3,\)'),
    ('z', (2, 4, 10), r'z must be \(2, 4, 9\).*got \(2, 4, 10\)'),
    ('delta_bias', (1, 4), r'delta_bias must be \(4,\).*got \(1, 4\)'),
]


@pytest.mark.parametrize(('name', 'shape', 'message'), WRONG)
def test_wrong_shapes_are_named(name, shape, message):
    inputs = make_scan() | {name: torch.zeros(shape)}
    with pytest.raises(ValueError, match=message):
        selective_scan(**inputs)


def test_complex_decay_is_refused():
    inputs = make_scan() | {'A': torch.zeros(4, 3, dtype=torch.complex64)}
    with pytest.raises(ValueError, match='A must hold real .*complex64'):
        selective_scan(**inputs)
