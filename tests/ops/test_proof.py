"""Backends are compared with the torch one before their first use.

The stand-ins run on the CPU; a planted error is a wrong kernel.
"""

import functools
import sys
import warnings
from importlib import import_module
from types import ModuleType

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mmmap.ops import (
    backend,
    causal_conv1d,
    causal_conv1d_bidirectional,
    selective_scan,
    selective_scan_bidirectional,
)
from mmmap.ops.causal_conv1d import proof as conv_proof
from mmmap.ops.causal_conv1d import torch_conv
from mmmap.ops.selective_scan import proof as scan_proof
from mmmap.ops.selective_scan import torch_chunked
from tests.ops.scan_cases import make_scan

RIGHT = dict(
    selective_scan=torch_chunked.apply, causal_conv1d=torch_conv.apply
)


@pytest.fixture(autouse=True)
def nothing_is_proven(monkeypatch):
    monkeypatch.setattr(backend, '_proofs', {})
    backend._warn_once.cache_clear()
    for variable in backend.ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def plant(monkeypatch):
    """A function that puts a stand-in before the other backends.

    It returns the list of calls, each the operator's arguments.
    """

    def planted(op, apply, **functions):
        calls = []
        module = ModuleType('tests.planted')

        def recorded(*arguments):
            calls.append(arguments)
            return apply(*arguments)

        module.apply = functools.wraps(apply)(recorded)  # also apply.both
        for name, function in functions.items():
            setattr(module, name, function)
        monkeypatch.setitem(sys.modules, 'tests.planted', module)
        row = backend.Backend('planted', 'tests.planted', proves=('cpu',))
        rows = (row, *backend.BACKENDS[op])
        monkeypatch.setitem(backend.BACKENDS, op, rows)
        backend._import_error.cache_clear()
        return calls

    return planted


class Wrong(torch.autograd.Function):
    """Right but for a factor of the value, or of its gradient."""

    @staticmethod
    def forward(ctx, x, factor, back):
        ctx.back = back
        return x * factor

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.back, None, None


def wrong_output(directions, z, softplus):
    y, states = torch_chunked.apply(directions, z, softplus)
    return Wrong.apply(y, 1.05, 1.0), states


def wrong_state(directions, z, softplus):
    y, (first, second) = torch_chunked.apply(directions, z, softplus)
    return y, [first, second * 1.05]


def wrong_gradient(name, side):
    def apply(directions, z, softplus):
        directions = list(directions)
        x = getattr(directions[side], name)
        wrong = {name: Wrong.apply(x, 1.0, 0.95)}
        directions[side] = directions[side]._replace(**wrong)
        return torch_chunked.apply(tuple(directions), z, softplus)

    return apply


def not_a_number(directions, z, softplus):
    y, states = torch_chunked.apply(directions, z, softplus)
    return y.clone().index_fill_(2, torch.tensor([3]), torch.nan), states


def last_step_forgotten(directions, z, softplus):
    y, states = torch_chunked.apply(directions, z, softplus)
    return torch.cat([y[..., :-1], y[..., -1:] * 0], -1), states


def fails(*arguments):
    raise RuntimeError('no kernel image is available')


SCANS = {
    'y differs from the torch backend by 0.05 ': wrong_output,
    'the last state backward differs': wrong_state,
    'y differs from the torch backend by inf ': not_a_number,
    'results of a small problem are wrong': last_step_forgotten,
    'RuntimeError: no kernel image is available': fails,
} | {
    f'1 of 18 results .* the gradient of {name} {side} differs from the torch '
    'backend by 0.05 of its largest value': wrong_gradient(name, number)
    for name in ('u', 'delta', 'A', 'B', 'C', 'D', 'delta_bias')
    for number, side in enumerate(('forward', 'backward'))
}


@pytest.mark.parametrize('message', SCANS)
def test_wrong_scan_is_set_aside(plant, message):
    calls = plant('selective_scan', SCANS[message])
    inputs = make_scan()
    with pytest.warns(RuntimeWarning, match=message) as caught:
        y = selective_scan(**inputs)
    assert "'planted' is disabled on cpu for torch.float32, 3" in str(
        caught[0].message
    )
    assert torch.equal(y, selective_scan(**inputs, backend=None))
    assert len(calls) == len(caught) == 1  # the proof, and one warning


def test_wrong_scan_by_name_raises(plant, monkeypatch):
    plant('selective_scan', wrong_output)
    message = "asks for backend 'planted', which cannot run: .* y differs"
    for _ in range(2):
        with pytest.raises(RuntimeError, match=message):
            selective_scan(**make_scan(), backend='planted')
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', 'planted')
    with pytest.raises(RuntimeError, match=message):
        selective_scan(**make_scan())


def gradient_of_one_tap(x, weight, bias, silu, reverse):
    factor = torch.ones_like(weight)
    factor[:, 0] = 0.9
    weight = Wrong.apply(weight, 1.0, factor)
    return torch_conv.apply(x, weight, bias, silu, reverse)


def no_reverse(x, weight, bias, silu, reverse):
    return torch_conv.apply(x, weight, bias, silu, False)


CONVS = {
    'the gradient of weight differs': gradient_of_one_tap,
    '5 of 7 results of a small problem are wrong': no_reverse,
    'no kernel image': fails,
}


@pytest.mark.parametrize('message', CONVS)
def test_wrong_convolution_is_set_aside(plant, message):
    plant('causal_conv1d', CONVS[message])
    x, weight = torch.ones(1, 3, 5), torch.ones(3, 2)
    with pytest.warns(RuntimeWarning, match=message):
        y = causal_conv1d(x, weight)
    assert y[0, 0].tolist() == [1, 2, 2, 2, 2]


def both_swapped(x, weight, bias, silu, reverse):
    return torch_conv.apply(x, weight, bias, silu, reverse)


def _swapped(x, weights, biases, silu):
    return tuple(
        torch_conv.apply(x, w, b, silu, reverse)
        for w, b, reverse in zip(weights, biases, (True, False))
    )


both_swapped.both = _swapped


def test_wrong_convolution_of_both_directions_is_set_aside(plant):
    """What a mixer calls, where the single directions are right."""
    plant('causal_conv1d', both_swapped)
    x, weight = torch.ones(1, 3, 5), torch.ones(3, 2)
    with pytest.warns(RuntimeWarning, match='of 7 results .* both_'):
        y, z = causal_conv1d_bidirectional(x, [weight, weight])
    assert y[0, 0].tolist() == [1, 2, 2, 2, 2]
    assert z[0, 0].tolist() == [2, 2, 2, 2, 1]


@pytest.mark.parametrize('op', RIGHT)
def test_right_one_is_proven_once_for_each_kind(plant, op):
    calls = plant(op, RIGHT[op])

    def run(dtype, size):
        if op == 'selective_scan':
            selective_scan(**make_scan(state=size, dtype=dtype))
        else:
            x = torch.ones(1, 3, 5, dtype=dtype)
            causal_conv1d(x, torch.ones(3, size))

    proof = 1 if op == 'selective_scan' else 2
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for dtype in (torch.float32, torch.bfloat16, torch.float64):
            for size in (2, 4):
                calls.clear()
                run(dtype, size)
                assert len(calls) == proof + 1
                run(dtype, size)
                assert len(calls) == proof + 2


def test_proof_is_like_the_problem(plant):
    calls = plant('selective_scan', RIGHT['selective_scan'])
    selective_scan(**make_scan(state=5, dtype=torch.bfloat16))
    (first, second), z, softplus = calls[0]
    assert (first.reverse, second.reverse, softplus) == (False, True, True)
    assert first.u.dtype == z.dtype == torch.bfloat16
    assert first.A.dtype == torch.float32
    assert first.A.shape == (scan_proof.CHANNELS, 5)
    assert first.u.stride(1) == 1  # channels last
    calls = plant('causal_conv1d', RIGHT['causal_conv1d'])
    causal_conv1d(torch.ones(1, 3, 5).bfloat16(), torch.ones(3, 2))
    x, weight = calls[0][:2]
    assert (x.dtype, weight.dtype) == (torch.bfloat16, torch.float32)
    assert weight.shape == (conv_proof.CHANNELS, 2)


@pytest.mark.parametrize('traits', [(torch.float64, 3), (torch.float32, 9)])
def test_refused_problem_goes_to_the_next(plant, traits):
    """Without a warning: nothing is wrong with the backend."""

    def refuses(dtype, state):
        right = dtype != torch.float64 and state <= 8
        return None if right else f'not for {dtype} and {state}'

    calls = plant('selective_scan', fails, refuses=refuses)
    inputs = make_scan(state=traits[1], dtype=traits[0])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        selective_scan(**inputs)
    assert not calls
    message = f'which cannot run: not for {traits[0]} and {traits[1]}'
    with pytest.raises(RuntimeError, match=message):
        selective_scan(**inputs, backend='planted')


def test_state_of_fp64_makes_the_problem_fp64(plant):
    seen = []
    plant(
        'selective_scan',
        RIGHT['selective_scan'],
        refuses=lambda *traits: seen.append(traits),
    )
    inputs = make_scan()
    selective_scan(**inputs | {'A': inputs['A'].double()})
    assert seen == [(torch.float64, 3)]


@pytest.mark.parametrize('kind', [torch.OutOfMemoryError, RuntimeError])
def test_full_device_is_not_the_backend_s_fault(plant, kind):
    """Triton's error is a RuntimeError."""

    def full(*arguments):
        raise kind('Triton Error [CUDA]: out of memory')

    plant('selective_scan', full)
    with pytest.raises(torch.OutOfMemoryError):
        selective_scan(**make_scan())
    assert not backend._proofs


def test_seed_stays_where_it_was(plant):
    plant('selective_scan', RIGHT['selective_scan'])
    plant_conv = RIGHT['causal_conv1d']
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    selective_scan(**make_scan())
    plant('causal_conv1d', plant_conv)
    causal_conv1d(torch.ones(1, 3, 5), torch.ones(3, 2))
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize(
    'mode',
    [
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.autocast('cpu', torch.bfloat16),
        lambda: torch.device('meta'),
        lambda: torch.autograd.graph.saved_tensors_hooks(
            lambda x: x * 2, lambda x: x
        ),
    ],
    ids=['no_grad', 'inference_mode', 'autocast', 'device', 'hooks'],
)
def test_callers_modes_do_not_reach_the_proof(plant, mode):
    calls = plant('selective_scan', RIGHT['selective_scan'])
    inputs = {k: v.detach() for k, v in make_scan().items()}
    with warnings.catch_warnings(), mode():
        warnings.simplefilter('error')
        backend.choose('selective_scan', 'cpu', None, torch.float32, 3)
    assert len(calls) == 1
    assert torch.isfinite(selective_scan(**inputs)).all()


def test_proof_is_not_counted(plant):
    plant('selective_scan', RIGHT['selective_scan'])
    with FlopCounterMode(display=False) as counter:
        selective_scan(**make_scan(2, 4, 70, 3))
    assert counter.get_total_flops() == 9 * 2 * 4 * 70 * 3


def test_forward_mode_and_vmap_around_it(plant):
    plant('causal_conv1d', RIGHT['causal_conv1d'])
    weight = torch.ones(3, 2)

    def total(x):
        return causal_conv1d(x, weight).sum()

    grad = torch.func.grad(total)(torch.ones(1, 3, 5))
    assert grad[0, 0].tolist() == [2, 2, 2, 2, 1]


@pytest.mark.parametrize('apply', [RIGHT['selective_scan'], wrong_output])
def test_compiled_call_is_proven_too(plant, apply):
    plant('selective_scan', apply)
    torch._dynamo.reset()
    sides = [make_scan(1, 4, 6, 2, seed=seed) for seed in (0, 1)]
    z = sides[0].pop('z')
    pairs = {k: (sides[0][k], sides[1][k]) for k in sides[0]}

    def both(z, pairs):
        return selective_scan_bidirectional(**pairs, z=z)

    compiled = torch.compile(both, fullgraph=True, backend='aot_eager')
    if apply is wrong_output:
        with pytest.warns(RuntimeWarning, match='y differs'):
            y = compiled(z, pairs)
    else:
        y = compiled(z, pairs)
    assert [key[1] for key in backend._proofs] == ['planted']
    expected = selective_scan_bidirectional(**pairs, z=z, backend='torch')
    torch.testing.assert_close(y, expected)


def test_nothing_is_proven_while_a_graph_is_captured(plant, monkeypatch):
    calls = plant('selective_scan', RIGHT['selective_scan'])
    monkeypatch.setattr(backend, '_capturing', lambda device: True)
    selective_scan(**make_scan())
    assert len(calls) == 1  # the scan itself
    monkeypatch.setattr(backend, '_capturing', lambda device: False)
    selective_scan(**make_scan())
    assert len(calls) == 3


def test_report_names_what_was_set_aside(plant):
    plant('selective_scan', wrong_output)
    with pytest.warns(RuntimeWarning, match='is disabled'):
        rows = {row[:2]: row for row in backend.report()}
    reason = rows['selective_scan', 'cpu'][3]
    assert reason.startswith('planted: ')
    assert 'y differs' in reason


def test_gpu_backends_are_proven():
    unproven = {'cpp', 'torch', 'reference'}
    for rows in backend.BACKENDS.values():
        for row in rows:
            assert ('cuda' in row.proves) != (row.name in unproven), row


REFUSED = [
    ('selective_scan.triton_scan', (torch.float32, 257), 'up to 256, got 257'),
]


@pytest.mark.parametrize(('module', 'traits', 'message'), REFUSED)
def test_what_kernels_refuse(module, traits, message):
    pytest.importorskip('triton')
    module = import_module(f'mmmap.ops.{module}')
    assert message in module.refuses(*traits)
    assert module.refuses(traits[0], 16) is None
