import math

import pytest

from mmmap.reports import Curve, read_log
from tests.reports.runs import start_of, step


def test_a_resumed_run_is_one_run(tmp_path):
    """Killed after step 4, taken up from the checkpoint of step 2."""
    first = [step(n, 10.0 - n) for n in range(1, 5)]
    first.insert(2, dict(mIoU=30.0, step=2))
    first.insert(4, dict(mIoU=60.0, step=3))
    first.append(dict(mIoU=99.0, step=4))
    start_of(tmp_path, '20260101_000000', first)
    second = [step(n, 1.0 * n) for n in range(3, 6)]
    start_of(tmp_path, '20260102_000000', second)
    log = read_log(tmp_path)
    assert log.train['loss'] == Curve([1, 2, 3, 4, 5], [9, 8, 3, 4, 5])
    # What was measured on weights that were lost does not count.
    assert log.val['mIoU'] == Curve([2], [30.0])
    assert log.starts == [('20260101_000000', 1), ('20260102_000000', 3)]
    assert log.step == 5


def test_a_new_run_replaces_the_old_one(tmp_path):
    start_of(tmp_path, '1', [step(n, 0.5) for n in range(1, 9)])
    start_of(tmp_path, '2', [step(1, 0.25), step(2, 0.125)])
    assert read_log(tmp_path).train['loss'] == Curve([1, 2], [0.25, 0.125])


def test_validation_in_epochs_lies_where_its_epoch_ended(tmp_path):
    lines = [
        step(5, 1.0, epoch=1),
        {'coco/bbox_mAP': 0.1, 'time': 3.0, 'step': 1},
        step(10, 0.5, epoch=2),
        {'coco/bbox_mAP': 0.2, 'time': 3.0, 'step': 2},
    ]
    start_of(tmp_path, '1', lines)
    log = read_log(tmp_path)
    assert log.val['coco/bbox_mAP'] == Curve([5, 10], [0.1, 0.2])
    assert log.epoch == 2
    assert 'epoch' not in log.train


def test_torn_and_foreign_lines_are_left_out_and_counted(tmp_path):
    lines = [
        step(1, 2.0, note='text'),
        '{"loss": 1.0, "iter": 2, "st\n',
        '[1, 2]\n',
        '"step"\n',
        '[' * 100_000 + '\n',
        f'{{"loss": 1, "iter": 2, "step": {10**400}}}\n',
        '\n',
        '{"loss": NaN, "iter": 3, "step": 3}\n',
    ]
    start_of(tmp_path, '1', lines)
    log = read_log(tmp_path)
    assert log.torn == 5
    assert set(log.train) == {'loss'}
    assert log.train['loss'].steps == [1, 3]
    assert math.isnan(log.train['loss'].values[1])


def test_the_last_test_s_metrics(tmp_path):
    for name, value in (('1', 10.0), ('2', 20.0)):
        folder = start_of(tmp_path, name, [])
        text = f'{{"mIoU": {value}, "time": 1.0, "lists": [1]}}'
        (folder / f'{name}.json').write_text(text)
    assert read_log(tmp_path).test == {'mIoU': 20.0}


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='no folder at .*nothing'):
        read_log(tmp_path / 'nothing')
