import pytest
import torch
from torch import nn

from mmmap.engine.compilation import compile_parts
from mmmap.engine.hooks.feature_monitor import FeatureMonitorHook
from mmmap.engine.hooks.reconstruction import draw
from tests.models.tiny import seeded_images, tiny_map


def result(model):
    torch.manual_seed(5)
    loss = model.loss(seeded_images(), [])['loss']
    grads = torch.autograd.grad(loss, list(model.parameters()))
    return [loss, *grads]


@pytest.mark.slow
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


class Counting:
    """A backend of ``torch.compile`` that runs graphs as they are.

    Attributes:
        compiled, called: How many graphs, and how often they ran.
    """

    compiled = called = 0

    def __call__(self, graph, inputs):
        self.compiled += 1

        def run(*arguments):
            self.called += 1
            return graph.forward(*arguments)

        return run


def drawn(model):
    batch = dict(inputs=seeded_images(), data_samples=None)
    return draw(model, batch, 2)


def measured(model):
    hook = FeatureMonitorHook(batch_size=3)
    hook._samples = [dict(inputs=image) for image in seeded_images()]
    return hook.measure(model)


@pytest.mark.slow
@pytest.mark.parametrize('look', [drawn, measured])
def test_hooks_run_the_model_eagerly(look):
    """CUDA graphs would overwrite what they keep of earlier calls."""
    torch._dynamo.reset()
    model, counting = tiny_map().train(), Counting()
    compile_parts(model, backend=counting)
    model.loss(seeded_images(), [])
    before = counting.compiled, counting.called
    assert min(before) >= 2  # the backbone and the decoder
    look(model)
    assert (counting.compiled, counting.called) == before
    model.loss(seeded_images(), [])
    assert counting.compiled == before[0]
    assert counting.called == 2 * before[1]


def test_wrapped_and_without_parts():
    wrapped = nn.Module()
    wrapped.module = nn.Module()
    wrapped.module.backbone = nn.Linear(2, 2)
    assert compile_parts(wrapped, backend='eager') == ['backbone']
    assert wrapped.module.backbone._compiled_call_impl is not None
    with pytest.raises(ValueError, match='Linear has no backbone and no dec'):
        compile_parts(nn.Linear(2, 2))
