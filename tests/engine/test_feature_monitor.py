"""Features are measured while pretraining, which stays as it is."""

import json
import logging
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from mmmap.engine.hooks import feature_monitor
from mmmap.engine.hooks.feature_monitor import FeatureMonitorHook
from mmmap.engine.training_health import trouble
from mmmap.errors import InputError
from mmmap.evaluation import effective_rank, feature_deviation, pooled
from mmmap.reports import look_at, read_log
from tests.engine.test_reconstruction_hook import EACH_KIND, KINDS, trained
from tests.engine.tiny_runner import noise, tiny_runner
from tests.models.tiny import tiny_map


def logged(work_dir):
    """The lines of the curves that the hook wrote."""
    (file,) = work_dir.glob('*/vis_data/scalars.json')
    lines = map(json.loads, file.read_text().splitlines())
    return [line for line in lines if 'effective_rank' in line]


@EACH_KIND
def test_training_is_the_same_with_and_without(tmp_path, kind):
    weights, state = trained(kind, tmp_path / 'without')
    states = random.getstate(), np.random.get_state()[1].tolist()
    hook = FeatureMonitorHook(interval=1, max_share=1)
    same_weights, same_state = trained(kind, tmp_path / 'with', hook)
    assert torch.equal(state, same_state)
    assert states == (random.getstate(), np.random.get_state()[1].tolist())
    for name, value in weights.items():
        assert torch.equal(value, same_weights[name]), name
    assert len(logged(tmp_path / 'with')) == 2


def test_numbers_are_those_of_the_frozen_encoder(tmp_path):
    hook = FeatureMonitorHook(interval=5, num_samples=3, batch_size=2)
    runner = tiny_runner(tmp_path, [hook], epochs=1)
    runner.train()
    model = runner.model.eval()
    images = torch.stack([noise()[place]['inputs'] for place in (0, 1, 3)])
    data = dict(inputs=images, data_samples=None)
    data = model.data_preprocessor(data, False)
    with torch.no_grad():
        features = pooled(model.backbone(data['inputs']))
    (line,) = logged(tmp_path)
    assert line['effective_rank'] == pytest.approx(effective_rank(features))
    assert line['deviation'] == pytest.approx(feature_deviation(features))
    assert line['step'] == 2
    assert read_log(tmp_path).val['effective_rank'].steps == [2]
    (log,) = tmp_path.glob('*/*.log')
    assert 'Features [1]  effective_rank: ' in log.read_text()


def test_labelled_images_are_classified(tmp_path):
    """Black and white images, the easiest to distinguish."""
    for split in ('train', 'val'):
        for name, value in dict(black=0, white=255).items():
            folder = tmp_path / 'data' / split / name
            folder.mkdir(parents=True)
            for index in range(4):
                pixels = np.full((16, 16, 3), abs(value - index), np.uint8)
                Image.fromarray(pixels).save(folder / f'{index}.png')
    hook = FeatureMonitorHook(data_root=str(tmp_path / 'data'), k=3)
    tiny_runner(tmp_path / 'run', [hook], epochs=1).train()
    (line,) = logged(tmp_path / 'run')
    assert line['knn'] == line['linear'] == 100
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert 'uses 8 of 8 samples in ' in log.read_text()
    assert 'data/val, of 2 classes' in log.read_text()


def test_it_takes_no_more_than_its_share(tmp_path, monkeypatch):
    """A measurement takes 10 seconds, the steps of an epoch 20."""
    clock = [0.0]
    monkeypatch.setattr(feature_monitor.time, 'monotonic', lambda: clock[0])
    measure = FeatureMonitorHook.measure

    def slow(hook, model):
        clock[0] += 10
        return measure(hook, model)

    def step(*args, **kwargs):
        clock[0] += 10

    monkeypatch.setattr(FeatureMonitorHook, 'measure', slow)
    monkeypatch.setattr(FeatureMonitorHook, 'after_train_iter', step)
    hook = FeatureMonitorHook(interval=1, max_share=0.25)
    tiny_runner(tmp_path, [hook], epochs=9).train()
    # Trying the model also takes 10. The first measurement is at 50 s, when
    # the preparation is below 25 %, the next at 120 s, to reach 30 s in all.
    steps = [line['step'] for line in logged(tmp_path)]
    assert steps == [4, 10, 14, 16, 18]
    assert hook.spent == 10 * (1 + len(steps))


def test_a_resumed_run_remembers(tmp_path, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(feature_monitor.time, 'monotonic', clock.__next__)
    hooks = FeatureMonitorHook(), FeatureMonitorHook()
    tiny_runner(tmp_path, hooks[:1], epochs=2).train()
    whole = tiny_runner(tmp_path, hooks[1:], epochs=3, resume=True)
    whole.message_hub.runtime_info.clear()
    whole.train()
    assert len(hooks[1].losses) == 3
    assert hooks[1].losses[:2] == hooks[0].losses
    # One second each: trying, measuring; then trying and measuring again.
    assert (hooks[0].spent, hooks[1].spent) == (2, 4)


def test_collapse_and_standstill_are_in_the_log(tmp_path, monkeypatch):
    """The same features for all; a loss that does not fall."""
    hook = FeatureMonitorHook(interval=5)
    hook.max_share = float('inf')  # an epoch takes milliseconds
    runner = tiny_runner(tmp_path, [hook], epochs=10)
    monkeypatch.setattr(
        feature_monitor, 'pooled', lambda outs: torch.ones(len(outs[-1]), 4)
    )
    monkeypatch.setattr(runner.model, 'loss', lambda inputs, _: dict(
        loss=runner.model.head.pred.bias.sum() * 0 + 1
    ))  # fmt: skip
    runner.train()
    (log,) = tmp_path.glob('*/*.log')
    warnings = [
        line[line.index('epoch ') :]
        for line in log.read_text().splitlines()
        if logging.getLevelName(logging.WARNING) in line
        and ': pretraining ' in line
    ]
    starts = [
        'epoch 5: pretraining has collapsed: the features are nearly the same',
        'epoch 10: pretraining has collapsed: the features are nearly the',
        'epoch 10: pretraining stands still: the loss shows no falling trend '
        'in the last 10 epochs; its mean is 1 in the first half',
    ]
    assert len(warnings) == 3
    for line, start in zip(warnings, starts):
        assert line.startswith(start)
    assert look_at(tmp_path).warnings == warnings[1:]


@pytest.mark.parametrize(
    ('settings', 'output'),
    [
        (dict(interval=0), 'interval must be 1 or more, got 0'),
        (dict(num_samples=1), 'num_samples must be 2 or more, got 1'),
        (dict(num_labelled=5), 'num_labelled must be 20 or more, got 5'),
        (dict(max_share=0), r'max_share must be in \(0, 1\], got 0'),
    ],
)
def test_settings_out_of_range(settings, output):
    with pytest.raises(InputError, match=output):
        FeatureMonitorHook(**settings)


@pytest.mark.parametrize(
    ('train', 'val', 'problem'),
    [
        ('ab', 'ac', 'have different classes'),
        ('a', 'a', 'has 1 sample of 1 class; a linear probe needs'),
        ('ab', 'ab', 'has 2 samples of 2 classes; a linear probe needs'),
    ],
)
def test_labelled_images_that_do_not_fit(tmp_path, train, val, problem):
    for split, names in dict(train=train, val=val).items():
        for name in names:
            folder = tmp_path / 'data' / split / name
            folder.mkdir(parents=True)
            Image.new('RGB', (16, 16)).save(folder / '0.png')
    hook = FeatureMonitorHook(data_root=str(tmp_path / 'data'))
    with pytest.raises(InputError, match=problem):
        tiny_runner(tmp_path / 'images', [hook]).train()


def test_class_folders_without_images(tmp_path):
    for name in ('train/a', 'train/b', 'val/a', 'val/b'):
        (tmp_path / 'data' / name).mkdir(parents=True)
    hook = FeatureMonitorHook(data_root=str(tmp_path / 'data'))
    problem = f'{tmp_path}/data/train has no images in class folders'
    with pytest.raises(InputError, match=problem):
        tiny_runner(tmp_path / 'run', [hook]).train()


def clouds_in(file):
    """Data sets of two classes: small clouds and large ones."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((20, 32, 3)).astype(np.float32)
    points[::2] *= 0.1
    np.savez(file, points=points, label=np.arange(20) % 2, classes=['a', 'b'])
    pipeline = [dict(type='SamplePoints', num=32), dict(type='PackPoints')]
    same = dict(type='PointNPZ', ann_file=str(file), pipeline=pipeline)
    return [dict(same, split=split) for split in ('train', 'val')]


def test_labelled_clouds_are_classified(tmp_path):
    train, val = clouds_in(tmp_path / 'clouds.npz')
    make_model, make_data = KINDS['points']
    clouds = dict(model=make_model(), dataset=make_data())
    hook = FeatureMonitorHook(train=train, val=val, k=3)
    tiny_runner(tmp_path / 'run', [hook], epochs=1, **clouds).train()
    (line,) = logged(tmp_path / 'run')
    assert line['linear'] == 100
    assert line['knn'] >= 75
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert 'uses 4 of 4 samples in val, of 2 classes' in log.read_text()


@pytest.mark.parametrize(
    ('change', 'problem'),
    [
        (dict(ann_file='absent.npz'), 'absent.npz'),
        (dict(type='PointNPY'), 'PointNPY is not in the'),
        (dict(split='test'), 'split must be one of train, val, all'),
    ],
)
def test_labelled_clouds_that_do_not_exist(tmp_path, change, problem):
    train, val = clouds_in(tmp_path / 'clouds.npz')
    make_model, make_data = KINDS['points']
    clouds = dict(model=make_model(), dataset=make_data())
    hook = FeatureMonitorHook(train=train, val=val | change)
    with pytest.raises(InputError, match=f'FeatureMonitorHook: .*{problem}'):
        tiny_runner(tmp_path / 'run', [hook], **clouds).train()


def test_labelled_images_are_not_for_clouds(tmp_path):
    hook = FeatureMonitorHook(data_root=str(tmp_path))
    make_model, make_data = KINDS['points']
    clouds = dict(model=make_model(), dataset=make_data())
    with pytest.raises(InputError, match='is for images'):
        tiny_runner(tmp_path / 'points', [hook], **clouds).train()


def test_labelled_images_are_read_as_those_of_training(tmp_path):
    for name in ('train/a/0', 'train/a/1', 'train/b/0', 'val/a/0', 'val/b/0'):
        file = tmp_path / f'{name}.png'
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (16, 16), (255, 0, 0)).save(file)
    hook = FeatureMonitorHook(data_root=str(tmp_path))
    load = dict(type='LoadImageOnce', imdecode_backend='pillow')
    dataset = dict(pipeline=[dict(load, color_type='grayscale')])
    config = dict(train_dataloader=dict(dataset=dataset))
    logger = logging.getLogger('test')
    runner = SimpleNamespace(cfg=config, model=tiny_map(), logger=logger)
    hook._samples = noise()
    for data in hook._open(runner):
        assert data.pipeline.transforms[0].color_type == 'grayscale'


@pytest.mark.parametrize(
    ('outs', 'problem'),
    [
        # As of mmpretrain's MAEViT, whose last output are places of tokens.
        (lambda x: (x, torch.zeros(len(x), 4).long()), r'got torch.int64'),
        (lambda x: torch.cat([x, x]).view(3, 7), 'features of a HybridNet'),
    ],
)
def test_an_encoder_is_tried_before_the_first_step(
    tmp_path, monkeypatch, outs, problem
):
    runner = tiny_runner(tmp_path, [FeatureMonitorHook()])
    monkeypatch.setattr(runner.model.backbone, 'forward', outs)
    with pytest.raises(InputError, match=problem):
        runner.train()
    assert runner.iter == 0


def test_a_monitor_does_not_end_a_training(tmp_path, monkeypatch):
    """Not on features that are not finite, nor on a single sample."""
    runner = tiny_runner(tmp_path / 'a', [FeatureMonitorHook(interval=1)])
    monkeypatch.setattr(
        feature_monitor,
        'pooled',
        lambda outs: torch.full(
            (len(outs[-1]), 4), torch.nan if runner.iter else 1.0
        ),
    )
    runner.train()
    assert runner.iter == 4
    (log,) = (tmp_path / 'a').glob('*/*.log')
    assert 'not measured: features must be finite' in log.read_text()
    one = tiny_runner(tmp_path / 'b', [FeatureMonitorHook()], dataset=noise(1))
    one.train()
    assert one.iter == 2


def falling(number, rate, noise, seed):
    """Losses that fall by ``rate`` in ten epochs, with noise."""
    rng = np.random.default_rng(seed)
    curve = np.exp(-rate / 10 * np.arange(number))
    return curve * (1 + noise * rng.standard_normal(number))


@pytest.mark.parametrize(
    ('epochs', 'rate', 'least', 'most'),
    [
        (10, 0.0, 90, 99),
        (100, 0.0, 90, 99),
        (300, 0.0, 90, 99),
        (10, 0.05, 0, 0),
        (10, 0.01, 0, 4),
        (30, 0.005, 0, 6),
        (100, 0.005, 0, 0),
        (100, 0.001, 0, 1),
    ],
)
def test_how_often_a_loss_with_noise_stands_still(epochs, rate, least, most):
    """Of a hundred losses with noise of 0.2 %."""
    found = [
        trouble(falling(epochs, rate, 0.002, seed)) for seed in range(100)
    ]
    assert all('stands still' in text for lines in found for text in lines)
    assert least <= sum(map(bool, found)) <= most


@pytest.mark.parametrize('epochs', [40, 100, 300, 1600])
def test_the_end_of_a_cosine_schedule_is_no_standstill(epochs):
    """The last tenth of the epochs learns nothing."""
    rates = 1 + np.cos(np.pi * np.arange(epochs) / epochs)
    curve = 0.4 + 0.6 / np.sqrt(1 + 40 * np.cumsum(rates) / epochs)
    for seed in range(10):
        noise = np.random.default_rng(seed).standard_normal(epochs)
        assert not trouble(curve * (1 + 0.002 * noise))


@pytest.mark.parametrize(
    ('losses', 'kind'),
    [
        ([1.42, 8.26], 'has diverged: the loss has risen from 1.42 to 8.26'),
        (np.linspace(1.42, 8.26, 7), 'has diverged'),
        ([1, 0.5, 0.4, 0.4] + [1.2] * 30, 'risen from 0.4333 to 1.2'),
        ([1, 0.5, np.nan], 'has diverged: the loss is nan'),
        ([np.inf], 'has diverged: the loss is inf'),
        ([-0.5] * 4 + [-0.3] * 3, 'has diverged'),
        ([0.5] * 9, None),
        ([0.5] * 10, 'stands still'),
        ([-0.5] * 10, 'stands still'),
        ([1, np.nan, 0.5, 0.4], None),
        ([1, 0.9, 0.8, 1.5, 0.7, 0.6], None),
        ([1], None),
        ([], None),
    ],
)
def test_what_a_loss_says(losses, kind):
    found = trouble(losses, 0.02)
    assert len(found) == (kind is not None)
    assert kind is None or kind in found[0]


def test_features_that_have_collapsed():
    (found,) = trouble([1.0, 0.5], 0.0199)
    assert found.startswith('has collapsed: the features are nearly the same')
