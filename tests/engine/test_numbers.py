"""Numbers that OpenMMLab would take, or refuse without their names."""

import pytest
from mmengine.config import Config

from mmmap.engine.numbers import check_numbers
from mmmap.errors import InputError


@pytest.fixture
def config():
    wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3))
    return Config(
        dict(
            train_cfg=dict(by_epoch=True, max_epochs=2, val_interval=1),
            train_dataloader=dict(batch_size=2, num_workers=0),
            val_dataloader=None,
            optim_wrapper=dict(wrapper, accumulative_counts=2),
            randomness=dict(seed=None),
        )
    )


@pytest.mark.parametrize(
    ('place', 'value', 'expected'),
    [
        ('train_cfg.max_epochs', 'two', 'a whole number of at least 1'),
        ('train_cfg.max_epochs', 0, 'a whole number of at least 1'),
        ('train_cfg.max_iters', 1.5, 'a whole number of at least 1'),
        ('train_cfg.val_interval', 0, 'a number of at least 1'),
        ('train_dataloader.batch_size', True, 'a whole number of at least 1'),
        ('train_dataloader.num_workers', -1, 'a whole number of at least 0'),
        ('test_dataloader.batch_size', 0, 'a whole number of at least 1'),
        ('optim_wrapper.optimizer.lr', '1e-3x', 'a number of at least 0'),
        ('optim_wrapper.optimizer.lr', -1, 'a number of at least 0'),
        ('optim_wrapper.accumulative_counts', 0, 'a whole number of at'),
        ('auto_scale_lr.base_batch_size', 'big', 'a whole number of at'),
        ('randomness.seed', 'abc', 'a whole number of at least 0'),
        ('randomness.seed', 2**32, 'at most 4294967295'),
    ],
)
def test_invalid_numbers(config, place, value, expected):
    check_numbers(config)
    config.merge_from_dict({place: value})
    with pytest.raises(InputError) as caught:
        check_numbers(config)
    message = str(caught.value)
    assert message.startswith(f'{place} is {value!r}, expected {expected}')


@pytest.mark.parametrize(
    ('place', 'value'),
    [
        ('train_cfg.val_interval', float('inf')),
        ('train_cfg.max_epochs', 2.0),
        ('optim_wrapper.optimizer.lr', None),
        ('optim_wrapper', dict(one=dict(optimizer=dict(lr=1)))),
        ('train_dataloader.batch_size', None),
        ('randomness.seed', 0),
        ('randomness.seed', 2**32 - 1),
    ],
)
def test_numbers_that_the_libraries_take(config, place, value):
    config.merge_from_dict({place: value})
    check_numbers(config)


def test_a_number_of_one_of_several_optimizers(config):
    second = {'optim_wrapper.second': dict(optimizer=dict(lr='x'))}
    config.optim_wrapper = dict(first=dict(optimizer=dict(lr=1)))
    config.merge_from_dict(second)
    with pytest.raises(InputError, match='optim_wrapper.second.optimizer.lr'):
        check_numbers(config)
