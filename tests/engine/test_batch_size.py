import pytest
from mmengine.config import Config

from mmmap.engine.batch_size import scale_learning_rate
from mmmap.errors import InputError


def config(steps=1, size=4, base=16, **rest):
    wrapper = dict(
        type='OptimWrapper',
        optimizer=dict(type='SGD', lr=0.25),
        accumulative_counts=steps,
    )
    return Config(
        dict(
            optim_wrapper=wrapper,
            train_dataloader=dict(batch_size=size),
            auto_scale_lr=dict(base_batch_size=base),
            **rest,
        )
    )


@pytest.mark.parametrize(
    ('steps', 'size', 'world', 'rate'),
    [
        (1, 4, 1, 0.0625),
        (4, 4, 1, 0.25),
        (1, 4, 4, 0.25),
        (2, 8, 4, 1.0),
        (1, 16, 1, 0.25),
    ],
)
def test_the_batch_of_a_step(monkeypatch, steps, size, world, rate):
    monkeypatch.setenv('WORLD_SIZE', str(world))
    given = config(steps, size, launcher='pytorch')
    text = scale_learning_rate(given)
    assert given.optim_wrapper.optimizer.lr == rate
    batch = size * world * steps
    assert text.startswith(f'batch {batch} ({size} per process x {world}')
    assert f'learning rate {rate:g} (0.25 is for batch 16)' in text
    # mmengine does not scale again, nor does a second call.
    assert not given.auto_scale_lr.enable
    scale_learning_rate(given)
    assert given.optim_wrapper.optimizer.lr == rate


def test_processes_of_another_launcher(monkeypatch):
    monkeypatch.setenv('WORLD_SIZE', '8')
    given = config(launcher='none')
    scale_learning_rate(given)
    assert given.optim_wrapper.optimizer.lr == 0.0625


def test_several_optimizers():
    given = config()
    wrappers = [config(steps).optim_wrapper for steps in (1, 2)]
    given.optim_wrapper = dict(constructor='Own', a=wrappers[0], b=wrappers[1])
    scale_learning_rate(given)
    assert given.optim_wrapper.a.optimizer.lr == 0.0625
    assert given.optim_wrapper.b.optimizer.lr == 0.125


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(base=None), 'auto_scale_lr=dict(base_batch_size=...)'),
        (dict(size=None), 'train_dataloader.batch_size'),
    ],
)
def test_what_is_needed(change, message):
    with pytest.raises(InputError) as caught:
        scale_learning_rate(config(**change))
    assert message in str(caught.value)
