"""The protocols on points, on made clouds."""

import re

import numpy as np
import pytest
import torch
from mmengine.config import Config

from tests.datasets.points.made import save
from tests.helpers import REPO, load_tool
from tests.models.tiny_points import tiny_point_map

CONFIG = """
_base_ = '{repo}/configs/points/demo/_base_/classifier.py'

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=16,
            pattern='MMT',
            num_heads=2,
            d_state=4,
        ),
        num_groups=10,
        group_size=6,
    ),
    head=dict(num_classes=3, in_channels=32),
)
_pipeline = [dict(type='SamplePoints', num=64), dict(type='PackPoints')]
train_dataloader = dict(
    batch_size=4, drop_last=False, dataset=dict(pipeline=_pipeline)
)
val_dataloader = dict(dataset=dict(pipeline=_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(topk=(1,))
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=1)
"""
FEW_SHOT = """
_few = dict(type='FewShot', way=2, shot=4, num_queries=5)
_clouds = dict(
    type='PointNPZ', data_root='', ann_file='shapes69_1024.npz',
    pipeline=_pipeline,
)
train_dataloader = dict(
    batch_size=4, dataset=dict(_delete_=True, dataset=_clouds, **_few)
)
val_dataloader = dict(
    dataset=dict(_delete_=True, dataset=_clouds, query=True, **_few)
)
test_dataloader = val_dataloader
"""


@pytest.fixture
def root(tmp_path):
    """Balls, rods and discs, which any features separate."""
    rng = np.random.default_rng(0)
    label = np.arange(60) % 3
    shape = np.array([[1, 1, 1], [1, 0.1, 0.1], [1, 1, 0.1]])
    points = rng.standard_normal((60, 80, 3)) * shape[label][:, None]
    arrays = dict(points=points, label=label, classes=np.array(list('abc')))
    save(tmp_path / 'shapes69_1024.npz', arrays)
    return tmp_path


def config(root, more=''):
    path = root / 'config.py'
    path.write_text(CONFIG.format(repo=REPO) + more)
    return [str(path), '--data-root', str(root)]


def test_svm(root, capsys):
    checkpoint = root / 'map.pth'
    torch.save(dict(state_dict=tiny_point_map().state_dict()), checkpoint)
    tool = load_tool('point_svm.py')
    tool.main([*config(root), str(checkpoint), '--C', '10'])
    line = capsys.readouterr().out.splitlines()[-1]
    train, val = map(float, re.findall(r'[\d.]+(?=,| top)', line))
    assert train > 80
    assert val > 60
    assert tool.main([*config(root), str(root / 'none.pth')]) == 1
    assert 'no checkpoint at' in capsys.readouterr().err
    pretraining = REPO / 'configs/points/demo/map_shapes69.py'
    assert tool.main([str(pretraining), str(checkpoint)]) == 1
    assert 'is not the config of a point classifier' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        tool.main([*config(root), str(checkpoint), '--C', '0'])
    assert 'must be positive' in capsys.readouterr().err


def test_svm_trains_on_shapes_as_they_are(root, monkeypatch):
    """The augmentation of the training is not in its features."""
    tool = load_tool('point_svm.py')
    loaders = []

    def build(loader):
        loaders.append(loader)
        return []

    monkeypatch.setattr(tool.Runner, 'build_dataloader', build)
    opened = Config.fromfile(config(root)[0])
    others = opened.train_dataloader.dataset
    others.pipeline = [dict(type='Augmentation'), *others.pipeline]
    with pytest.raises((ValueError, RuntimeError)):  # no batch, no features
        tool.features_of(opened, 'train', None)
    (loader,) = loaders
    ours = loader['dataset']
    assert ours['pipeline'] == opened.val_dataloader.dataset.pipeline
    assert ours['pipeline'] != others.pipeline
    assert {**ours, 'pipeline': 0} == {**others, 'pipeline': 0}


def test_few_shot(root, capsys):
    tool = load_tool('point_few_shot.py')
    work = root / 'work'
    common = ['--work-dir', str(work), '--folds', '2']
    tool.main([*config(root, FEW_SHOT), *common])
    folds, summary = capsys.readouterr().out.splitlines()[-2:]
    values = [float(v) for v in re.findall(r'[\d.]+', folds)]
    mean, spread = map(float, re.findall(r'\d+\.\d', summary))
    assert mean == pytest.approx(np.mean(values), abs=0.06)
    assert spread == pytest.approx(np.std(values, ddof=1), abs=0.06)
    assert sorted(p.name for p in work.iterdir()) == ['fold_0', 'fold_1']
    assert tool.main([*config(root), *common]) == 1
    assert 'not FewShot' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        tool.main([*config(root), '--folds', '0'])
    assert 'folds must be at least 1, got 0' in capsys.readouterr().err
