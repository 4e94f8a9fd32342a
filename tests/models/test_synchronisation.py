"""The model and the optimizer never wait for the device.

On torch's ``meta`` device tensors have no values: whatever would have to wait
for one (``item``, ``tolist``, ``nonzero``, a mask as an index, ``if tensor``)
fails there. MMEngine's runner waits once a step, for the loss that it records.
"""

import pytest
import torch
from mmpretrain.registry import MODELS
from torch.utils._python_dispatch import TorchDispatchMode

import mmmap  # noqa: F401  registers the models
from mmmap.models.masking.base import hide
from tests.engine.tiny_runner import noise, tiny_runner
from tests.models.tiny import tiny_map
from tests.models.tiny_mamba_vision import ARCH, tiny_mamba_vision_map

MASKINGS = ('Random', 'Sequential', 'Diagonal')


def step(model, *inputs):
    """Forward, backward and an update on the ``meta`` device."""
    model = model.to('meta').train()
    optimizer = torch.optim.AdamW(model.parameters(), foreach=True)
    loss = model.loss(*inputs)['loss']
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 3.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss


def images(size=16):
    return torch.empty(2, 3, size, size, device='meta')


@pytest.mark.parametrize(
    'wait',
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
        lambda x: x.cpu(),
        lambda x: (x > 0).nonzero(),
        lambda x: x[x > 0],
        lambda x: bool(x.sum() > 0),
        lambda x: hide(x[0, 0] > 0),
    ],
)
def test_what_waits_fails_here(wait):
    with pytest.raises((RuntimeError, NotImplementedError)):
        wait(images())


@pytest.mark.parametrize('kind', MASKINGS)
def test_pretraining(kind):
    loss = step(tiny_map(masking=dict(type=f'{kind}Masking')), images(), [])
    assert loss.shape == ()


def test_pretraining_without_masking_or_in_other_ways():
    loss = step(tiny_map(masking=dict(type='NoMasking')), images(), [])
    assert loss.shape == ()
    assert step(tiny_mamba_vision_map(), images(64), []).shape == ()


@pytest.mark.parametrize(
    'backbone',
    [
        dict(
            type='HybridNet',
            arch=dict(embed_dims=16, pattern='MMT', num_heads=2, d_state=4),
            img_size=16,
            patch_size=4,
            out_type='avg_featmap',
        ),
        dict(type='MambaVision', arch=ARCH, out_type='avg_featmap'),
    ],
    ids=['HybridNet', 'MambaVision'],
)
def test_backbones(backbone):
    model = MODELS.build(backbone).to('meta').train()
    features = model(images(32))[-1]
    features.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


class Waits(TorchDispatchMode):
    """Counts numbers that are read from tensors."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(('clip', 'each'), [(None, 1), (3.0, 2)])
def test_waits_of_a_runner(tmp_path, clip, each):
    """For the loss, and for the norm of gradients if they are clipped."""

    def waits(images):
        hooks = [dict(type='NaNGuardHook', interval=50)]
        runner = tiny_runner(
            tmp_path / str(images), hooks, epochs=1, dataset=noise(images)
        )
        if clip:
            runner.optim_wrapper = runner.build_optim_wrapper(
                dict(
                    optimizer=dict(type='SGD', lr=0.1),
                    clip_grad=dict(max_norm=clip),
                )
            )
        with Waits() as counted:
            runner.train()
        assert runner.iter == images // 2
        return counted.count

    assert waits(8) - waits(4) == 2 * each
