"""The operators against stored results of mmcv's compiled ones."""

import pytest
import torch

from tests.mmcv_ops.cases import CASES, run
from tests.mmcv_ops.make_reference import PATH


@pytest.fixture(scope='module')
def reference():
    return torch.load(PATH)


def test_every_case_is_stored(reference):
    assert list(reference) == list(CASES)


@pytest.mark.parametrize('name', CASES)
def test_results_are_those_of_the_compiled_operators(name, reference, ops):
    stored, case = reference[name], CASES[name]
    results = run(case, stored['inputs'])
    assert len(results) == len(stored['results'])
    room = dict(rtol=0, atol=0) if case.exact else dict(rtol=1e-5, atol=5e-6)
    for result, expected in zip(results, stored['results']):
        torch.testing.assert_close(result, expected, **room)


@pytest.mark.gpu
@pytest.mark.skipif(
    not torch.cuda.is_available(), reason='needs a CUDA device'
)
@pytest.mark.parametrize('name', CASES)
def test_cuda_tensors_give_the_same(name, reference, ops):
    stored, case = reference[name], CASES[name]
    results = run(case, [tensor.cuda() for tensor in stored['inputs']])
    assert {result.device.type for result in results} == {'cuda'}
    for result, expected in zip(results, stored['results']):
        torch.testing.assert_close(
            result.cpu(), expected, rtol=1e-4, atol=1e-4
        )
