"""Every config on points: its parts fit, it trains and is evaluated."""

import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpretrain.registry import DATASETS, METRICS, MODELS

from mmmap.datasets.config_datasets import set_data_root
from tests.datasets.points.made import save
from tests.helpers import REPO, load_tool

ROOT = REPO / 'configs' / 'points'
CONFIGS = {
    str(path.relative_to(ROOT)): path
    for path in sorted(ROOT.rglob('*.py'))
    if '_base_' not in path.parts
}
DEMO = [name for name in CONFIGS if name.startswith('demo/')]
NAMED = [name for name in CONFIGS if '/' not in name]
EACH = pytest.mark.parametrize('name', CONFIGS)
EACH_NAMED = pytest.mark.parametrize('name', NAMED)
EACH_DEMO = pytest.mark.parametrize('name', DEMO)


@pytest.fixture(scope='module')
def data_root(tmp_path_factory):
    """Archives as the real ones, with few clouds of noise."""
    folder = tmp_path_factory.mktemp('points')
    rng = np.random.default_rng(0)

    def clouds(number, size):
        return rng.standard_normal((number, size, 3)).astype(np.float16)

    save(
        folder / 'shapes69_1024.npz',
        dict(
            points=clouds(50, 520),
            label=np.arange(50) % 10,
            classes=np.array([f'class {i}' for i in range(69)]),
        ),
    )
    category = np.arange(25) % 5
    save(
        folder / 'parts19_2048.npz',
        dict(
            points=clouds(25, 520),
            category=category,
            categories=np.array([f'category {i}' for i in range(19)]),
            part=np.repeat(category[:, None], 520, 1),
            parts=np.array([f'part {i}' for i in range(94)]),
        ),
    )
    return str(folder)


def config_of(name, data_root='data/points'):
    config = Config.fromfile(CONFIGS[name])
    init_default_scope(config.default_scope)
    set_data_root(config, data_root)
    for split in ('train', 'val', 'test'):
        if f'{split}_dataloader' in config:
            config[f'{split}_dataloader'].batch_size = 4
    return config


def batch_of(config, split):
    """The first clouds of a config's data set."""
    dataset = DATASETS.build(config[f'{split}_dataloader'].dataset)
    items = [dataset[i] for i in range(4)]
    return {key: [item[key] for item in items] for key in items[0]}


def test_all_are_there():
    assert len(DEMO) == 10
    # Pretraining, ModelNet40, ScanObjectNN, few-shot, ShapeNetPart.
    assert len(NAMED) == 1 + 1 + 3 + 4 + 1


@EACH
def test_guards_and_imports_are_kept(name):
    config = config_of(name)
    assert config.custom_imports.imports == ['mmmap']
    hooks = {hook.type for hook in config.custom_hooks}
    assert {'CheckpointGuardHook', 'NaNGuardHook', 'BatchFeedHook'} <= hooks
    assert config.default_scope == 'mmpretrain'
    assert 'clip_grad' in config.optim_wrapper
    pretrains = config.model.type == 'PointMAP'
    assert ('FeatureMonitorHook' in hooks) is pretrains


@EACH_NAMED
def test_name_matches_the_content(name):
    config = config_of(name)
    header = CONFIGS[name].read_text().split('_base_')[0]
    command = f'tools/train.py \\\n#       configs/points/{name}\n'
    assert command in header
    assert 'Paper: ' in header
    assert 'Expected time: ' in header
    batch, epochs = map(int, re.search(r'1xb(\d+)-(\d+)e_', name).groups())
    loader = config.train_dataloader
    assert Config.fromfile(CONFIGS[name]).train_dataloader.batch_size == batch
    assert config.auto_scale_lr.base_batch_size == batch
    assert config.train_cfg.max_epochs == epochs
    assert config.param_scheduler[-1].end == epochs
    dataset = loader.dataset
    match = re.search(r'-(\d+)way-(\d+)shot', name)
    if match:
        assert (dataset.way, dataset.shot) == tuple(map(int, match.groups()))
        assert config.val_dataloader.dataset.query
        assert not dataset.query
        dataset = dataset.dataset
    assert dataset.type.lower() == re.findall(r'_([a-z]+\d*)', name)[-1]
    for split in (loader, config.get('val_dataloader')):
        variant = split and split.dataset.get('variant')
        if variant:
            assert variant.replace('_', '-') in name


@EACH_NAMED
def test_full_size(name):
    config = config_of(name)
    with torch.device('meta'):
        model = MODELS.build(config.model)
    assert model.backbone.embed_dims == 384
    assert model.backbone.pattern == 'MMMT' * 4
    encoder = sum(
        p.numel()
        for n, p in model.backbone.named_parameters()
        if not n.startswith(('norm', 'out_norms', 'cls_'))
    )
    assert encoder / 1e6 == pytest.approx(24.95, abs=0.005)
    init = config.model.backbone.get('init_cfg')
    if name.startswith('map_'):
        assert init is None
        assert model.decoder.in_channels == model.head.pred.in_features == 384
        return
    stem = init.checkpoint.split('/')[1]
    assert f'{stem}.py' in NAMED
    if config.model.type == 'ImageClassifier':
        assert model.head.in_channels == model.backbone.out_channels
        match = re.search(r'-(\d+)way', name)
        classes = dict(modelnet40=40, scanobjectnn=15)
        data = re.findall(r'_([a-z]+\d*)', name)[-1]
        expected = int(match[1]) if match else classes[data]
        assert model.head.num_classes == expected


@EACH_DEMO
def test_demo_name_matches_the_content(name):
    model = config_of(name).model
    kind = name.split('/')[-1].split('_')[0].split('-')[0]
    types = dict(classifier='ImageClassifier', parts='PointPartSegmentor')
    assert model.type == types.get(kind, 'PointMAP')
    attention = dict(map='rows', mae='full', ar='raster', local='same_row')
    if model.type == 'PointMAP':
        assert model.decoder.attention == attention[kind]
        assert (model.masking.type == 'PointBlockMasking') is (
            '-block' in name
        )
        hilbert = kind in ('ar', 'local') or '-hilbert' in name
        assert model.backbone.get('order', 'fps') == (
            'hilbert' if hilbert else 'fps'
        )
        assert model.decoder.get('sequence', 'visible_first') == (
            'places' if hilbert else 'visible_first'
        )


@EACH_DEMO
def test_training_step_and_prediction(name, data_root):
    """On clouds of the config's pipeline: a gradient for all."""
    torch.manual_seed(0)
    np.random.seed(0)
    config = config_of(name, data_root)
    config.model.backbone.init_cfg = None
    model = MODELS.build(config.model)
    model.init_weights()
    model.train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    data = model.data_preprocessor(batch_of(config, 'train'), True)
    assert data['inputs'].shape == (4, 512, 3)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    wrapper.backward(loss)
    for parameter, value in model.named_parameters():
        assert value.grad is not None, parameter
        assert value.grad.isfinite().all(), parameter
    if 'val_dataloader' not in config:
        assert config.model.type == 'PointMAP'
        return
    model.eval()
    metric = METRICS.build(config.val_evaluator)
    data = model.data_preprocessor(batch_of(config, 'val'))
    samples = model(**data, mode='predict')
    metric.process(data, [sample.to_dict() for sample in samples])
    values = metric.evaluate(4)
    assert all(0 <= value <= 100 for value in values.values())


@EACH_DEMO
def test_fine_tuning_starts_from_the_pretraining(name):
    config = config_of(name)
    init = config.model.backbone.get('init_cfg')
    scratch = config.model.type == 'PointMAP' or '_scratch' in name
    assert (init is None) is scratch
    if init is None:
        return
    _, stem, file = init.checkpoint.split('/')
    pretraining = config_of(f'demo/{stem}.py')
    assert file == f'epoch_{pretraining.train_cfg.max_epochs}.pth'
    backbones = pretraining.model.backbone, config.model.backbone
    assert backbones[0].arch == backbones[1].arch


@pytest.mark.slow
def test_the_path_by_the_tool(data_root, tmp_path):
    """Pretraining, then both tasks from its checkpoint."""
    train, test = load_tool('train.py'), load_tool('test.py')
    small = [
        '--cfg-options',
        'train_cfg.max_epochs=1',
        'train_dataloader.batch_size=8',
        'model.backbone.num_groups=8',
        'default_hooks.logger.interval=1',
    ]
    common = ['--data-root', data_root, *small]
    work = tmp_path / 'map'
    config = str(CONFIGS['demo/map_shapes69.py'])
    train.main([config, '--work-dir', str(work), *common])
    checkpoint = work / 'epoch_1.pth'
    assert checkpoint.is_file()
    for name in ('classifier_shapes69', 'parts_parts19'):
        config = str(CONFIGS[f'demo/{name}.py'])
        work = tmp_path / name
        init = f'model.backbone.init_cfg.checkpoint={checkpoint}'
        options = [*common, init, 'train_cfg.val_interval=1']
        train.main([config, '--work-dir', str(work), *options])
        trained = work / 'epoch_1.pth'
        assert trained.is_file()
        options = ['--work-dir', str(work), '--data-root', data_root]
        small = ['--cfg-options', 'model.backbone.num_groups=8']
        test.main([config, str(trained), *options, *small])
