import pytest

from mmmap.engine import BatchFeedHook
from tests.engine.tiny_runner import tiny_runner


def test_enough_images_train(tmp_path):
    runner = tiny_runner(tmp_path / 'run', [BatchFeedHook()], epochs=1)
    runner.train()
    assert runner.iter == 2


@pytest.mark.parametrize(
    ('processes', 'drop_last', 'enough'),
    [
        (2, True, True),
        (3, True, False),
        # The last batch may be smaller.
        (4, False, True),
        (5, False, False),
    ],
)
def test_four_images_in_batches_of_two(tmp_path, processes, drop_last, enough):
    name = f'run_{processes}_{drop_last}'
    runner = tiny_runner(tmp_path / name)
    runner._train_dataloader['drop_last'] = drop_last
    runner._world_size = processes
    if enough:
        BatchFeedHook().before_train(runner)
        return
    message = (
        f'4 training images cannot feed {processes} processes with batches '
        'of 2: use fewer processes'
    )
    with pytest.raises(ValueError, match=message):
        BatchFeedHook().before_train(runner)
