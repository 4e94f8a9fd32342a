"""Inputs at the edges of what the scan may be given."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmmap.ops import selective_scan
from tests.ops.scan_cases import FAST, assert_equals_reference, make_scan

SIZES = dict(
    batch=st.integers(0, 3),
    channels=st.integers(1, 70),
    length=st.integers(1, 140),
    state=st.integers(1, 20),
    reverse=st.booleans(),
)


@pytest.mark.parametrize('backend', FAST)
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(**SIZES)
def test_any_sizes(backend, batch, channels, length, state, reverse):
    inputs = make_scan(batch, channels, length, state)
    assert_equals_reference(inputs, backend, reverse=reverse)


@pytest.mark.parametrize('backend', FAST)
def test_one_of_everything(backend):
    assert_equals_reference(make_scan(1, 1, 1, 1), backend)


@pytest.mark.parametrize('backend', FAST)
def test_steps_so_large_that_nothing_is_remembered(backend):
    inputs = make_scan(1, 9, 70, 3)
    inputs['delta'] = (inputs['delta'].detach() + 1e4).requires_grad_()
    inputs['u'] = (inputs['u'].detach() * 1e-4).requires_grad_()
    assert_equals_reference(inputs, backend)


@pytest.mark.parametrize('backend', FAST)
def test_steps_so_small_that_nothing_is_forgotten(backend):
    inputs = make_scan(1, 9, 70, 3)
    inputs['delta'] = (inputs['delta'].detach() - 14).requires_grad_()
    inputs['u'] = (inputs['u'].detach() * 1e6).requires_grad_()
    assert_equals_reference(inputs, backend)


@pytest.mark.parametrize('backend', FAST)
def test_a_nan_stays_where_it_can_be_seen(backend):
    inputs = {k: v.detach() for k, v in make_scan(1, 9, 70, 3).items()}
    inputs['u'][0, 4, 30] = torch.nan
    y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    broken = y.isnan()
    assert broken[0, 4, 30:].all()
    assert broken.sum() == 40


@pytest.mark.parametrize('name', ['u', 'delta', 'A', 'B', 'C', 'D', 'z'])
def test_numbers_of_another_kind_are_named(name):
    inputs = {k: v.detach() for k, v in make_scan().items()}
    inputs[name] = inputs[name].long()
    message = f'{name} must hold real floating-point numbers on cpu.*int64'
    with pytest.raises(ValueError, match=message):
        selective_scan(**inputs)


def test_another_device_is_named():
    inputs = {k: v.detach() for k, v in make_scan().items()}
    inputs['B'] = inputs['B'].to('meta')
    with pytest.raises(ValueError, match='B must .* on cpu.* on meta'):
        selective_scan(**inputs)


@pytest.mark.parametrize('value', [None, [[1.0]], 3])
@pytest.mark.parametrize('name', ['u', 'delta', 'A', 'B', 'C'])
def test_what_is_no_tensor_is_named(name, value):
    inputs = make_scan() | {name: value}
    message = f'{name} must be a tensor, got {type(value).__name__}'
    with pytest.raises(ValueError, match=message):
        selective_scan(**inputs)


def test_sparse_and_small_floats_are_refused():
    inputs = {k: v.detach() for k, v in make_scan().items()}
    with pytest.raises(ValueError, match='u must .*dense.*sparse_coo'):
        selective_scan(**inputs | {'u': inputs['u'].to_sparse()})
    small = inputs['z'].to(torch.float8_e5m2)
    with pytest.raises(ValueError, match='z must hold.*float8_e5m2'):
        selective_scan(**inputs | {'z': small})


@pytest.mark.parametrize('backend', FAST)
@pytest.mark.parametrize('shift', [90.0, 1e12, 1e30])
def test_gradients_where_nothing_is_left_of_a_step(backend, shift):
    """That of A is zero, or nearly, and not the rounding of others."""
    inputs = make_scan(1, 3, 70, 2)
    for name in ('delta', 'u'):
        scale = 1 / shift if name == 'u' else 1.0
        moved = inputs[name].detach() * scale
        moved = moved + (shift if name == 'delta' else 0)
        inputs[name] = moved.requires_grad_()
    y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    (grad,) = torch.autograd.grad(y.sum(), inputs['A'])
    # Decays are below exp(-9): A is at most -0.1 or so.
    assert grad.abs().max() <= 1e-2 * (shift == 90.0)
