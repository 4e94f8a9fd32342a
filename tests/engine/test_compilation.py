import pytest
import torch
from torch import nn

from mmmap.engine.compilation import compile_parts
from tests.models.tiny import seeded_images, tiny_map


def result(model):
    torch.manual_seed(5)
    loss = model.loss(seeded_images(), [])['loss']
    grads = torch.autograd.grad(loss, list(model.parameters()))
    return [loss, *grads]


def test_a_compiled_map_computes_the_same():
    torch._dynamo.reset()
    model = tiny_map()
    names = list(model.state_dict())
    expected = result(model)
    parts = compile_parts(model, backend='aot_eager', fullgraph=True)
    assert parts == ['backbone', 'decoder']
    for ours, right in zip(result(model), expected, strict=True):
        torch.testing.assert_close(ours, right)
    assert list(model.state_dict()) == names


def test_wrapped_and_without_parts():
    wrapped = nn.Module()
    wrapped.module = nn.Module()
    wrapped.module.backbone = nn.Linear(2, 2)
    assert compile_parts(wrapped, backend='eager') == ['backbone']
    assert wrapped.module.backbone._compiled_call_impl is not None
    with pytest.raises(ValueError, match='Linear has no backbone and no dec'):
        compile_parts(nn.Linear(2, 2))
