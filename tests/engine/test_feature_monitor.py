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
from mmmap.errors import InputError
from mmmap.evaluation import effective_rank, feature_deviation, pooled
from mmmap.reports import read_log
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
    hook = FeatureMonitorHook(interval=1)
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


def test_it_takes_no_more_than_its_share(tmp_path, monkeypatch):
    """Each clock reading is a second later: one epoch takes two or three."""
    seconds = iter(range(1000))
    monkeypatch.setattr(
        feature_monitor.time, 'monotonic', lambda: next(seconds)
    )
    hook = FeatureMonitorHook(interval=1, max_share=0.25)
    tiny_runner(tmp_path, [hook], epochs=9).train()
    # Begun at 0, measured from 1 to 2; then at 4, 8, ... and at the end.
    steps = [line['step'] for line in logged(tmp_path)]
    assert steps[0] == 2
    assert steps[-1] == 18
    assert len(steps) < 9
    assert hook.spent == len(steps)


def test_what_is_wrong_is_said(tmp_path, monkeypatch, caplog):
    """The same features for all; a loss that does not fall."""
    hook = FeatureMonitorHook(interval=1)
    hook.max_share = float('inf')  # an epoch takes milliseconds
    runner = tiny_runner(tmp_path, [hook], epochs=5)
    monkeypatch.setattr(
        feature_monitor, 'pooled', lambda outs: torch.ones(len(outs[-1]), 4)
    )
    monkeypatch.setattr(runner.model, 'loss', lambda inputs, _: dict(
        loss=runner.model.head.pred.bias.sum() * 0 + 1
    ))  # fmt: skip
    runner.train()
    (log,) = tmp_path.glob('*/*.log')
    output = log.read_text()
    collapsed = output.index('the features have collapsed')
    still = output.index('the loss was 1 3 measurements ago and is 1 now')
    first, *_, fourth, fifth = (
        output.index(f'Features [{epoch}]') for epoch in range(1, 6)
    )
    assert first < collapsed < fourth < still < fifth
    assert logging.getLevelName(logging.WARNING) in output


@pytest.mark.parametrize(
    ('settings', 'output'),
    [
        (dict(interval=0), 'interval must be 1 or more, got 0'),
        (dict(num_samples=1), 'num_samples must be 2 or more, got 1'),
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
        ('a', 'a', 'has 1 images of 1 classes; a linear probe needs'),
        ('ab', 'ab', 'has 2 images of 2 classes; a linear probe needs'),
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
    runner = SimpleNamespace(cfg=config, model=tiny_map())
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


@pytest.mark.parametrize(
    ('losses', 'stalled'),
    [
        # MAE falls by less than a thousandth in ten of its 1,600 epochs.
        ([0.4, 0.3998, 0.3996, 0.3994], False),
        ([0.4, 0.41, 0.402, 0.3995], False),
        ([0.4, 0.41, 0.402, 0.4], True),
        ([-0.5, -0.5, -0.5, -0.6], False),
        ([-0.5, -0.4, -0.5, -0.4], True),
        ([0.4, 0.4, 0.4], False),
    ],
)
def test_a_loss_that_still_falls_is_not_stalled(losses, stalled):
    hook = FeatureMonitorHook()
    hook.losses = losses[:-1]
    history = SimpleNamespace(mean=lambda window: losses[-1])
    hub = SimpleNamespace(log_scalars={'train/loss': history})
    runner = SimpleNamespace(message_hub=hub, max_iters=20, max_epochs=2)
    found = hook.warnings(runner, dict(deviation=1.0))
    assert bool(found) is stalled
