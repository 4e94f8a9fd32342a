"""The page of work_dirs that were written by hand, bad ones too."""

import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
import torch

from mmmap.reports import look_at, page_of, panels_of
from tests.reports.runs import start_of, step

HOSTILE = '"><script>alert(1)</script><img src=http://x onerror=y>'
CONFIG = """
model = dict(type='MaskRCNN', backbone=dict(type='mmpretrain.HybridNet'))
train_cfg = dict(max_epochs=2, type='EpochBasedTrainLoop')
"""
LOG = """\
2026/01/01 - mmengine - INFO -
------------------------------------------------------------
System environment:
    sys.platform: linux
    Python: 3.11 <b>
Runtime environment:
    seed: 7
------------------------------------------------------------
the end
"""


@pytest.fixture
def detection(tmp_path):
    """One of two epochs, with everything a run may leave."""
    lines = [
        step(10, 2.0, epoch=1, loss_cls=1.5, lr=0.1),
        {'coco/bbox_mAP': 0.25, 'step': 1},
        step(20, 1.0, epoch=2, loss_cls=0.5, lr=0.01),
        {'coco/bbox_mAP': 0.125, 'step': 2},
    ]
    start_of(tmp_path, '20260101_000000', lines, CONFIG, LOG)
    torch.save(dict(state_dict={}), tmp_path / 'epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text(f'{tmp_path}/epoch_1.pth')
    (tmp_path / 'net.py').write_text(CONFIG)
    for n in range(6):
        path = tmp_path / 'shown' / f'{n}.png'
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((30, 2000, 3), 40 * n, np.uint8))
    return tmp_path


class Tags(HTMLParser):
    """All tags of a page, with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_an_unfinished_detector(detection):
    found = look_at(detection)
    assert found.model == 'MaskRCNN'
    assert found.progress == (2, 2, 'epoch')
    assert not found.finished
    assert found.environment == [
        ('sys.platform', 'linux'),
        ('Python', '3.11 <b>'),
        ('seed', '7'),
    ]
    page = page_of(found)
    assert '<td>coco/bbox_mAP</td><td>0.25</td>' in page
    assert 'Python</td><td>3.11 &lt;b&gt;' in page
    assert 'epoch 2 of 2 was logged last' in page
    assert 'net.py was not found among the configs' in page
    # Four of a folder, made smaller, and the curves.
    images = [a for tag, a in Tags(page).found if tag == 'img']
    assert len(images) == 5
    assert all(a['src'].startswith('data:image/') for a in images)
    torch.save(dict(state_dict={}), detection / 'epoch_2.pth')
    assert look_at(detection).finished


def test_what_is_wrong_with_a_pretraining(tmp_path):
    """The last warning of each kind, of the last start."""
    line = '2026/01/01 - mmengine - WARNING - hook.py - epoch {}: pretraining '
    texts = [
        (10, 'has diverged: the loss is nan'),
        (10, 'has collapsed: the features'),
        (20, 'has collapsed: the features'),
        (20, 'stands still: the loss'),
    ]
    logs = [line.format(n) + text + '\n' for n, text in texts]
    start_of(tmp_path, '1', [step(1, 1.0)], log=logs[0])
    start_of(tmp_path, '2', [step(2, 1.0)], log=LOG + ''.join(logs[1:]))
    found = look_at(tmp_path)
    assert found.warnings == [
        'epoch 20: pretraining has collapsed: the features',
        'epoch 20: pretraining stands still: the loss',
    ]
    listed = ''.join(f'<li>{line}</li>' for line in found.warnings)
    assert f'<ul class="missing">{listed}' in page_of(found)


def test_best_and_last_follow_mmengine_s_rule(tmp_path):
    lines = [step(1, 1.0)]
    for value in (3.0, 1.0, float('nan'), 2.0):
        lines += [dict(acc=value, val_loss=value, step=len(lines))]
    start_of(tmp_path, '1', lines)
    page = page_of(look_at(tmp_path))
    rows = re.findall(r'<td>(acc|val_loss)</td><td>(\S+?)</td>', page)
    assert rows == [('acc', '3'), ('val_loss', '1')]


def test_panels_put_losses_together(detection):
    panels = panels_of(look_at(detection).log)
    assert list(panels) == [
        'losses in training',
        'coco/bbox_mAP, validation',
        'lr, training',
    ]
    assert panels['losses in training'] == dict(
        loss=([10, 20], [2.0, 1.0]), loss_cls=([10, 20], [1.5, 0.5])
    )


def test_hostile_text_stays_text(tmp_path):
    config = f'model = dict(type={HOSTILE!r}, x={HOSTILE!r})\n'
    config += "import os\nos.abort()\nevil = __import__('os').abort()\n"
    lines = [step(1, 1.0) | {HOSTILE: 1.0}, {HOSTILE: 2.0, 'step': 1}]
    log = LOG.replace('linux', HOSTILE) + HOSTILE
    start_of(tmp_path, '1', lines, config, log)
    start_of(tmp_path, '2', lines, config + f'y = {HOSTILE!r}\n', log)
    name = HOSTILE.replace('/', '_')
    (tmp_path / f'{name}.pth').write_bytes(b'')
    (tmp_path / f'{name}.png').write_bytes(b'no picture')
    (tmp_path / 'last_checkpoint').write_text(HOSTILE)
    page = page_of(look_at(tmp_path))
    tags = Tags(page).found
    assert {tag for tag, _ in tags}.isdisjoint({'script', 'iframe', 'b'})
    for _, attributes in tags:
        assert not any(key.startswith('on') for key in attributes)
        assert attributes.get('src', 'data:').startswith('data:')
    assert page.count('&lt;script&gt;alert(1)&lt;/script&gt;') > 5
    assert 'cannot be read as an image' in page
    assert "default-src 'none'" in page


def test_what_is_missing_is_said(tmp_path):
    start_of(tmp_path, '1', ['{"torn\n'], CONFIG)
    (tmp_path / 'epoch_1.pth').write_bytes(b'PK\x03\x04 the rest is lost')
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_9.pth')
    missing = '\n'.join(look_at(tmp_path).missing)
    for sentence in (
        'no curve of training was logged',
        'not finished',
        'no validation was logged',
        'no whole checkpoint',
        'truncated checkpoints: epoch_1.pth',
        'last_checkpoint names /gone/epoch_9.pth, which is not here',
        'no pictures',
        'no log with the environment',
        '1 line is missing here, damaged in the log',
    ):
        assert sentence in missing


def test_a_detector_that_found_nothing(tmp_path):
    lines = [step(1, 1.0), dict(time=0.1, data_time=0.1, step=1)]
    start_of(tmp_path, '1', lines, CONFIG)
    missing = '\n'.join(look_at(tmp_path).missing)
    assert 'validation gave no metric' in missing
    assert 'no validation was logged' not in missing


def test_what_the_command_line_and_a_resumed_run_changed(tmp_path):
    base = tmp_path / 'base.py'
    base.write_text(CONFIG)
    run = tmp_path / 'run'
    start_of(run, '1', [step(1, 1.0)], CONFIG + 'a = 1\n')
    longer = CONFIG.replace('max_epochs=2', 'max_epochs=3') + 'a = 1\n'
    start_of(run, '2', [step(2, 1.0)], longer)
    resumed, options, _ = look_at(run, base).comparisons.values()
    assert resumed == [('train_cfg.max_epochs', '2', '3')]
    assert options == [('a', '', '1'), ('train_cfg.max_epochs', '2', '3')]


def test_a_folder_of_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match='no log, no checkpoint and no conf'):
        look_at(tmp_path)
    with pytest.raises(FileNotFoundError, match='no config at'):
        start_of(tmp_path, '1', [])
        look_at(tmp_path, tmp_path / 'base.py')
