"""Images of any depth and number of channels, from training to prediction."""

import itertools
import json
import pickle

import cv2
import numpy as np
import pytest

from tests.helpers import load_tool
from tests.tools.conftest import call
from tests.tools.tiny_configs import map_config, upernet_config

LOAD = """
load = dict(
    type='LoadImageFromFile', color_type='unchanged',
    imdecode_backend='cv2', to_float32={floats})
"""
MAP = """
train_dataloader['dataset']['pipeline'][0] = load
train_dataloader['dataset']['with_label'] = False
model['data_preprocessor'] = dict(
    type='SelfSupDataPreprocessor', _delete_=True,
    mean=[{middle}] * {channels}, std=[{middle} / 2] * {channels})
model['backbone']['in_channels'] = {channels}
model['head'] = dict(in_channels=8, out_channels={channels})
train_cfg = dict(max_epochs=1)
custom_hooks += [dict(type='ReconstructionHook', interval=1)]
"""
SEGMENTOR = """
model['data_preprocessor'] |= dict(
    mean=[{middle}] * {channels}, std=[{middle} / 2] * {channels},
    bgr_to_rgb=False)
model['backbone']['in_channels'] = {channels}
suffix = dict(img_suffix='{suffix}', seg_map_suffix='.png')
train_dataloader['dataset'] |= suffix
train_dataloader['dataset']['pipeline'][0] = load
val_dataloader['dataset'] = dict(
    pipeline=[load, *_base_.val_dataloader.dataset.pipeline[1:]], **suffix)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
"""


def image(bits, channels, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(2**bits, size=(64, 64, channels))
    return pixels.astype(f'uint{bits}')


def write(file, pixels):
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), pixels)


def settings(text, bits, channels, suffix='', floats=True):
    middle = float(2 ** (bits - 1))
    return (LOAD + text).format(
        middle=middle, channels=channels, suffix=suffix, floats=floats
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ('bits', 'channels', 'floats'),
    [(8, 4, True), (16, 3, False), (8, 1, False)],
)
def test_pretraining_and_its_pictures(tmp_path, bits, channels, floats):
    for index in range(4):
        pixels = image(bits, channels, index)
        write(tmp_path / f'data/train/{index}.png', pixels)
    extra = settings(MAP, bits, channels, floats=floats)
    config = map_config(tmp_path / 'map.py', tmp_path / 'data', extra=extra)
    work_dir = tmp_path / 'run'
    assert call('train.py', config, '--work-dir', work_dir) == 0
    (picture,) = work_dir.rglob('reconstruction_1.png')
    shown = cv2.imread(str(picture))
    assert shown[30:].std() > 30  # noise, where a wrong range shows none
    run = (config, work_dir / 'epoch_1.pth', tmp_path / 'data/train')
    tool = 'analysis_tools/reconstruct.py'
    assert status(tool, *run, '--out', tmp_path / 'r') == 0
    assert len(list((tmp_path / 'r').iterdir())) == 4
    run = (*run[:2], '--images', run[2], '--out', tmp_path / 'f')
    assert status('analysis_tools/feature_maps.py', *run) == 0
    assert len(list((tmp_path / 'f').iterdir())) == 5
    for split, label, name in itertools.product(('one', 'two'), 'ab', '012'):
        file = tmp_path / 'data' / split / label / f'{name}.png'
        write(file, image(bits, channels, ord(label)))
    run = (*run[:2], '--train', 'one', '--val', 'two', '--k', 1)
    tool = 'analysis_tools/evaluate_features.py'
    assert status(tool, *run, '--out', tmp_path / 'knn.json') == 0
    judged = json.loads((tmp_path / 'knn.json').read_text())
    assert judged['knn'] == {'1': 100.0}


@pytest.mark.slow
@pytest.mark.parametrize(('bits', 'channels'), [(16, 3), (8, 4), (16, 1)])
def test_predictions_are_those_of_testing(digits, tmp_path, bits, channels):
    data = tmp_path / 'data'
    for split in ('training', 'validation'):
        masks = sorted((digits / f'ade_like/annotations/{split}').iterdir())
        for index, mask in enumerate(masks[:4]):
            pixels = image(bits, channels, index)
            write(data / f'images/{split}/{mask.name}', pixels)
            target = data / f'annotations/{split}/{mask.name}'
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(mask.read_bytes())
    extra = settings(SEGMENTOR, bits, channels, '.png')
    config = upernet_config(tmp_path / 'upernet.py', extra=extra)
    options = ('--data-root', data, '--work-dir', tmp_path / 'run')
    assert call('train.py', config, *options) == 0
    weights = tmp_path / 'run/epoch_1.pth'
    shown, dumped = tmp_path / 'shown', tmp_path / 'out.pkl'
    more = ('--show-dir', shown, '--out', dumped)
    assert call('test.py', config, weights, *options, *more) == 0
    pictures = sorted(shown.rglob('*.png'))
    assert len(pictures) == 4
    samples = pickle.loads(dumped.read_bytes())
    out = tmp_path / 'predicted'
    source = data / 'images/validation'
    assert status('infer.py', config, weights, source, '--out', out) == 0
    lines = (out / 'predictions.jsonl').read_text().splitlines()
    for line, sample in zip(map(json.loads, lines), samples, strict=True):
        labels = cv2.imread(str(out / line['class_map']), -1)
        tested = sample['pred_sem_seg']['data'][0].numpy()
        assert np.array_equal(labels, tested)


def status(tool, *arguments):
    return load_tool(tool).main([str(a) for a in arguments])
