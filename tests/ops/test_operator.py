"""The kernels as torch operators: compiled around, counted, refused twice."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from mmmap.models.layers import BidirectionalMamba
from mmmap.ops import (
    causal_conv1d,
    selective_scan,
    selective_scan_bidirectional,
)
from tests.ops.scan_cases import CPP, FAST, make_scan

KERNELS = pytest.mark.parametrize('backend', [CPP])
OPERATORS = pytest.mark.parametrize('backend', FAST)
SCHEMA_CHECKS = (
    'test_schema',
    'test_autograd_registration',
    'test_faketensor',
    'test_aot_dispatch_static',
)


def arguments(gated=True):
    """Of the operator itself."""
    x = make_scan(2, 4, 70, 3)
    lists = [[x[k]] for k in ('u', 'delta', 'A', 'B', 'C', 'D', 'delta_bias')]
    return (*lists, x['z'] if gated else None, 1, [0], True, True)


@KERNELS
@pytest.mark.parametrize('gated', [True, False])
def test_operator_keeps_torch_s_contract(backend, gated):
    selective_scan(**make_scan(), backend=backend)  # loads it
    operator = getattr(torch.ops.mmmap, f'scan_forward_{backend}').default
    torch.library.opcheck(operator, arguments(gated), test_utils=SCHEMA_CHECKS)


@pytest.mark.parametrize('save', [True, False])
def test_torch_s_operator_keeps_the_contract(save):
    """Of u, delta (L, M, D), A (M, N, D), B, C (L, M, N)."""
    torch.manual_seed(0)
    selective_scan(**make_scan(), backend='torch')  # loads it
    shapes = [(70, 2, 4), (70, 2, 4), (2, 3, 4), (70, 2, 3), (70, 2, 3)]
    inputs = [torch.rand(shape, requires_grad=save) for shape in shapes]
    torch.library.opcheck(
        torch.ops.mmmap.scan_chunks.default,
        (*inputs, save),
        test_utils=SCHEMA_CHECKS,
    )


def test_mixer_compiles_without_a_break(monkeypatch):
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', 'torch')
    if CPP.marks[0].args[0] is False:
        monkeypatch.setenv('MMMAP_SCAN_BACKEND', 'cpp')
    torch.manual_seed(0)
    mixer = BidirectionalMamba(16, d_state=4)
    tokens = torch.randn(2, 12, 16, requires_grad=True)
    learned = [tokens, *mixer.parameters()]
    compiled = torch.compile(mixer, fullgraph=True, backend='aot_eager')
    results = []
    for run in (mixer, compiled):
        y = run(tokens)
        results.append([y, *torch.autograd.grad(y.square().sum(), learned)])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected)


@OPERATORS
def test_flops_are_nine_for_each_state(backend):
    sides = [make_scan(2, 4, 70, 3, seed=s) for s in (0, 1)]
    z = sides[0].pop('z')
    del sides[1]['z']
    pairs = {k: (sides[0][k], sides[1][k]) for k in sides[0]}
    counter = FlopCounterMode(display=False)
    with counter:
        y = selective_scan_bidirectional(**pairs, z=z, backend=backend)
        forward = counter.get_total_flops()
        y.sum().backward()
    assert forward == 2 * 9 * 2 * 4 * 70 * 3
    assert counter.get_total_flops() == 3 * forward


@OPERATORS
def test_gradients_of_gradients_are_refused(backend):
    inputs = make_scan()
    y = selective_scan(**inputs, backend=backend)
    (grad,) = torch.autograd.grad(y.sum(), inputs['u'], create_graph=True)
    with pytest.raises(RuntimeError, match="use backend='reference'"):
        grad.sum().backward()


@OPERATORS
def test_forward_mode_is_refused(backend):
    inputs = {k: v.detach() for k, v in make_scan().items()}

    def scan(u):
        return selective_scan(**inputs | {'u': u}, backend=backend)

    u = inputs['u']
    with pytest.raises(NotImplementedError, match="backend='reference'"):
        torch.func.jvp(scan, (u,), (torch.ones_like(u),))


@KERNELS
def test_forward_mode_of_the_convolution_is_refused(backend):
    x, weight = torch.ones(2, 4, 9), torch.ones(4, 3)
    with pytest.raises(NotImplementedError, match="backend='torch'"):
        torch.func.jvp(
            lambda x: causal_conv1d(x, weight, backend=backend),
            (x,),
            (torch.ones_like(x),),
        )


@OPERATORS
def test_backward_twice(backend):
    inputs = make_scan(length=70)
    y = selective_scan(**inputs, backend=backend).sum()
    first = torch.autograd.grad(y, inputs['delta'], retain_graph=True)
    second = torch.autograd.grad(y, inputs['delta'])
    assert torch.equal(*first, *second)


@OPERATORS
def test_threads_do_not_change_a_bit(backend):
    inputs = make_scan(3, 70, 130, 5)
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            y = selective_scan(**inputs, delta_softplus=True, backend=backend)
            results.append([y, *torch.autograd.grad(y.sum(), inputs.values())])
        finally:
            torch.set_num_threads(1)
    assert all(map(torch.equal, *results))


@OPERATORS
@pytest.mark.parametrize('used', ['output', 'state'])
def test_gradients_under_activation_checkpointing(backend, used):
    inputs = make_scan(length=70)

    def scan(*tensors):
        y, state = selective_scan(
            **dict(zip(inputs, tensors)),
            delta_softplus=True,
            return_last_state=True,
            backend=backend,
        )
        return (y if used == 'output' else state).square().sum()

    tensors = list(inputs.values())
    plain = torch.autograd.grad(scan(*tensors), tensors, allow_unused=True)
    again = checkpoint(scan, *tensors, use_reentrant=False)
    again = torch.autograd.grad(again, tensors, allow_unused=True)
    for ours, expected in zip(again, plain, strict=True):
        assert (ours is None) == (expected is None)
        assert ours is None or torch.equal(ours, expected)
