"""Every backend, type, length and direction against the reference in fp64."""

import functools

import pytest
import torch

from tests.ops.scan_cases import (
    ABSENT,
    FAST,
    TOLERANCES,
    assert_equals_reference,
    assert_same,
    cast,
    exact,
    make_scan,
    run_both,
    run_scan,
    without,
)

LENGTHS = [1, 2, 63, 64, 65, 196, 197, 1000, 2049]
DIRECTIONS = {
    'forward': functools.partial(run_scan, reverse=False),
    'backward': functools.partial(run_scan, reverse=True),
    'both': run_both,
}


def make_inputs(length, absent, direction, groups=None):
    """Arguments in fp64; the backward direction's end in ``_b`` for both."""
    sizes = dict(batch=2, channels=6, state=3, dtype=torch.float64)
    inputs = exact(make_scan(length=length, groups=groups, **sizes))
    if direction == 'both':
        other = exact(make_scan(length=length, groups=groups, seed=9, **sizes))
        inputs |= {f'{k}_b': v for k, v in other.items() if k != 'z'}
    return without(inputs, *absent, *(f'{k}_b' for k in absent))


@functools.cache
def truth(length, absent, direction):
    """Of the reference, once for all backends and types."""
    inputs = make_inputs(length, absent, direction)
    return DIRECTIONS[direction](inputs, 'reference', delta_softplus=True)


def check(backend, dtype, length, absent, direction):
    """Of the backend against it."""
    inputs = cast(make_inputs(length, absent, direction), dtype)
    result = DIRECTIONS[direction](inputs, backend, delta_softplus=True)
    assert_same(result, truth(length, absent, direction), dtype)


@pytest.mark.slow
@pytest.mark.parametrize('direction', DIRECTIONS)
@pytest.mark.parametrize('length', LENGTHS)
@pytest.mark.parametrize('dtype', TOLERANCES, ids=str)
@pytest.mark.parametrize('backend', FAST)
def test_every_length(backend, dtype, length, direction):
    check(backend, dtype, length, (), direction)


@pytest.mark.parametrize('direction', DIRECTIONS)
@pytest.mark.parametrize('absent', ABSENT[1:], ids='-'.join)
@pytest.mark.parametrize('length', [1, 65, 197])
@pytest.mark.parametrize('dtype', TOLERANCES, ids=str)
@pytest.mark.parametrize('backend', FAST)
def test_every_optional_argument(backend, dtype, length, absent, direction):
    check(backend, dtype, length, absent, direction)


@pytest.mark.parametrize('direction', DIRECTIONS)
@pytest.mark.parametrize('groups', [1, 2, 3])
@pytest.mark.parametrize('backend', FAST)
def test_groups(backend, groups, direction):
    inputs = make_inputs(70, (), direction, groups)
    run = DIRECTIONS[direction]
    assert_equals_reference(inputs, backend, torch.float32, run=run)


@pytest.mark.parametrize('absent', ABSENT, ids='-'.join)
@pytest.mark.parametrize('backend', FAST)
def test_steps_as_they_are_without_softplus(backend, absent):
    inputs = make_scan(length=70)
    # A step is positive, otherwise the state grows without bound.
    inputs['delta'] = (inputs['delta'].detach().abs() + 1).mul(0.3)
    inputs = without(inputs, *absent)
    assert_equals_reference(inputs, backend, delta_softplus=False)
