"""The Triton kernels, interpreted on the CPU, where that is switched on.

The interpreter takes elements one by one, so sizes are small: two blocks of
channels, three chunks. On a GPU the same tests run compiled.
"""

import pytest
import torch

from mmmap.ops import selective_scan
from tests.forks import command
from tests.ops.scan_cases import (
    ABSENT,
    DEVICE,
    TOLERANCES,
    assert_equals_reference,
    cast,
    exact,
    gradients,
    make_scan,
    needs_triton,
    run_both,
    without,
)

needs_triton = needs_triton('selective_scan')


def assert_same(inputs, dtype=None, **options):
    """Outputs, last states and all gradients equal the reference's."""
    assert_equals_reference(inputs, 'triton', dtype, DEVICE, **options)


# Interpreted, a step takes a millisecond.
LENGTHS = [1, 2, 63, 64, 65, 130]
LENGTHS += [196, 197, 1000, 4097] if DEVICE == 'cuda' else []


@pytest.mark.slow
@needs_triton
@pytest.mark.parametrize('reverse', [False, True])
@pytest.mark.parametrize('length', LENGTHS)
def test_equals_reference(length, reverse):
    assert_same(make_scan(2, 3, length, 3), reverse=reverse)


@needs_triton
def test_groups_of_channels():
    assert_same(make_scan(1, 6, 66, 3, groups=2))


@needs_triton
@pytest.mark.parametrize('absent', ABSENT, ids='-'.join)
def test_without_optional(absent):
    assert_same(without(make_scan(1, 2, 9, 3), *absent))


@needs_triton
@pytest.mark.parametrize('dtype', TOLERANCES, ids=str)
def test_every_type(dtype):
    assert_same(exact(make_scan(1, 2, 66, 2, dtype=torch.float64)), dtype)


@needs_triton
def test_memory_layout_does_not_matter():
    inputs = {k: v.detach() for k, v in make_scan(1, 2, 20, 3).items()}
    for name in ('u', 'delta', 'B', 'C', 'z'):
        inputs[name] = inputs[name].mT.contiguous().mT
    inputs = {k: v.requires_grad_() for k, v in inputs.items()}
    assert_same(inputs)


@needs_triton
def test_one_launch_scans_both_directions():
    inputs = make_scan(1, 3, 65, 3)
    other = make_scan(1, 3, 65, 3, seed=9)
    inputs |= {f'{k}_b': v for k, v in other.items() if k != 'z'}
    assert_same(inputs, run=run_both)


@needs_triton
@pytest.mark.parametrize('shift', [-14.0, 90.0, 1e4])
def test_extreme_steps(shift):
    """Hardly anything decays, or next to nothing is left."""
    inputs = make_scan(1, 3, 70, 2)
    inputs['delta'] = (inputs['delta'].detach() + shift).requires_grad_()
    assert_same(inputs)


@pytest.mark.slow
@needs_triton
def test_runs_are_equal_bit_by_bit():
    inputs = cast(make_scan(2, 3, 65, 3), torch.float32, DEVICE)
    runs = []
    for _ in range(2):
        y = selective_scan(**inputs, delta_softplus=True, backend='triton')
        runs.append([y, *gradients([y.cpu()], inputs).values()])
    assert all(map(torch.equal, *runs))


@needs_triton
def test_empty_batch():
    inputs = cast(make_scan(0, 3, 5, 3), torch.float32, DEVICE)
    y = selective_scan(**inputs, backend='triton')
    assert y.shape == (0, 3, 5)
    grads = gradients([y.cpu()], inputs)
    assert all(grad.eq(0).all() for grad in grads.values())


@pytest.mark.slow
@pytest.mark.parametrize('arch', ['80', '90'])
@pytest.mark.parametrize(
    'kernels',
    [('scan', 'bf16', '16'), ('scan', 'fp32', '8'), ('conv', 'bf16', '4')],
    ids='-'.join,
)
def test_compiles_for_gpus_with_hardly_a_spill(arch, kernels):
    """No GPU is needed to compile, nor to count the registers."""
    pytest.importorskip('triton')
    what, *rest = kernels
    module = ('-m', 'tests.ops.compile_for_gpu', what, arch, *rest)
    # Of its own: what was imported for the interpreter stays so in a fork.
    line = 'env', '--unset=TRITON_INTERPRET', 'python', *module
    done = command(*line, forked=False)
    assert done.returncode == 0, done.stderr
    # Bytes, of 1,020 a thread: a few registers. It varies with the compiler.
    # What importing prints comes before.
    spilled = [int(number) for number in done.stdout.splitlines()[-2:]]
    assert len(spilled) == 2
    assert max(spilled) <= 128
