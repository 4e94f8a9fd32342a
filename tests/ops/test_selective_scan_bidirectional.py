import pytest
import torch

from mmmap.ops import selective_scan, selective_scan_bidirectional
from tests.ops.scan_cases import FAST, PAIRS, gradients, make_scan, without


def make_pairs(absent=(), **sizes):
    sides = [without(make_scan(seed=s, **sizes), *absent) for s in (0, 1)]
    pairs = {
        k: None if k in absent else (sides[0][k], sides[1][k]) for k in PAIRS
    }
    return pairs | {'z': sides[0]['z']}


def leaves(pairs):
    """All tensors by name and side."""
    flat = {'z': pairs['z']}
    for name in PAIRS:
        for side in (0, 1):
            value = pairs[name]
            flat[f'{name}{side}'] = None if value is None else value[side]
    return flat


@pytest.mark.parametrize('backend', ['reference', *FAST])
@pytest.mark.parametrize('absent', [(), ('z',), ('D', 'delta_bias')])
@pytest.mark.parametrize('groups', [None, 2])
@pytest.mark.parametrize('length', [1, 65])
def test_is_the_sum_of_two_scans(backend, absent, groups, length):
    pairs = make_pairs(absent, groups=groups, length=length)
    y = selective_scan_bidirectional(
        **pairs, delta_softplus=True, backend=backend
    )
    one, other = (
        selective_scan(
            **{k: pairs[k] and pairs[k][side] for k in PAIRS},
            z=pairs['z'],
            delta_softplus=True,
            reverse=bool(side),
            backend='reference',
        )
        for side in (0, 1)
    )
    torch.testing.assert_close(y, one + other, rtol=1e-4, atol=1e-5)
    tensors = leaves(pairs)
    expected = gradients([one + other], tensors)
    for name, grad in gradients([y], tensors).items():
        torch.testing.assert_close(
            grad, expected[name], rtol=1e-3, atol=1e-4, msg=name
        )


@pytest.mark.parametrize('backend', FAST)
def test_output_has_the_type_of_the_input(backend):
    pairs = make_pairs(length=20)
    half = {
        k: tuple(x.detach().bfloat16() for x in v)
        if k in ('u', 'delta', 'B', 'C')
        else v
        for k, v in pairs.items()
    }
    half['z'] = pairs['z'].detach().bfloat16()
    y = selective_scan_bidirectional(
        **half, delta_softplus=True, backend=backend
    )
    wide = {
        k: v.float() if k == 'z' else tuple(x.float() for x in v)
        for k, v in half.items()
    }
    truth = selective_scan_bidirectional(
        **wide, delta_softplus=True, backend=backend
    )
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), truth, rtol=2**-8, atol=1e-5)


def test_needs_pairs():
    pairs = make_pairs() | {'A': torch.zeros(4, 3)}
    with pytest.raises(ValueError, match='A must be a pair.*got Tensor'):
        selective_scan_bidirectional(**pairs)
    pairs = make_pairs()
    pairs['D'] = pairs['D'] + pairs['D']
    with pytest.raises(ValueError, match=r'D must be a pair.*got \(Tensor'):
        selective_scan_bidirectional(**pairs)


def test_directions_must_have_one_shape():
    pairs = make_pairs()
    other = make_pairs(length=8)
    mixed = {
        k: v if k in ('z', 'A') else (v[0], other[k][1])
        for k, v in pairs.items()
    }
    message = r'differ in the shape of u: \(2, 4, 9\) and \(2, 4, 8\)'
    with pytest.raises(ValueError, match=message):
        selective_scan_bidirectional(**mixed)


def test_gate_must_fit():
    pairs = make_pairs() | {'z': torch.zeros(2, 4, 3)}
    with pytest.raises(ValueError, match=r'z must be \(2, 4, 9\)'):
        selective_scan_bidirectional(**pairs)


@pytest.mark.parametrize('backend', FAST)
def test_groups_may_not_differ(backend):
    pairs = make_pairs(channels=6, groups=1)
    other = make_pairs(channels=6, groups=3)
    for name in ('B', 'C'):
        pairs[name] = (pairs[name][0], other[name][1])
    message = r'differ in the shape of B: \(2, 1, 3, 9\) and \(2, 3, 3, 9\)'
    with pytest.raises(ValueError, match=message):
        selective_scan_bidirectional(**pairs, backend=backend)


@pytest.mark.parametrize('name', ['D', 'delta_bias', 'B'])
def test_no_half_pairs(name):
    pairs = make_pairs()
    pairs[name] = (None, pairs[name][1])
    message = rf'{name} must be a pair .* got \(NoneType, Tensor\)'
    with pytest.raises(ValueError, match=message):
        selective_scan_bidirectional(**pairs)
