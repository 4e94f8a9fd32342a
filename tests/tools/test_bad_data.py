"""Unusable data end a tool with what came, what was expected, what to do."""

import json
import shutil

import cv2
import numpy as np
import pytest

from tests.helpers import REPO
from tests.tools.conftest import call, message
from tests.tools.tiny_configs import map_config, upernet_config

pytestmark = pytest.mark.slow
DETECTOR = REPO / 'configs/study/mask-rcnn_digits.py'
ODD_MAP = 'the class map is 64x32, the image 64x64'


@pytest.fixture
def scenes(digits, tmp_path):
    """A copy of the scenes with class maps, to be damaged."""
    return shutil.copytree(digits / 'ade_like', tmp_path / 'ade')


@pytest.fixture
def spoiled(scenes):
    """Scenes of which one class map is of another size; its path."""
    path = scenes / 'annotations/training/000002.png'
    cv2.imwrite(str(path), np.ones((32, 64), np.uint8))
    return scenes, path


@pytest.fixture
def boxes(digits, tmp_path):
    """A copy of the scenes with boxes, and a change of their JSON."""
    root = shutil.copytree(digits / 'coco_like', tmp_path / 'coco')
    file = root / 'annotations/instances_train.json'

    def change(function):
        content = json.loads(file.read_text())
        function(content)
        file.write_text(json.dumps(content))
        return file

    return root, change


@pytest.mark.parametrize(
    ('tool', 'state'), [('train.py', 'missing'), ('test.py', 'empty')]
)
def test_data_root(refused, segmentor, tmp_path, tool, state):
    root = tmp_path / 'data'
    if state == 'empty':
        root.mkdir()
    run = [tool, segmentor.config, '--data-root', root]
    if tool == 'test.py':
        run.insert(2, segmentor.checkpoint)
    error = refused(*run)
    absent = {'missing': root, 'empty': f'{root}/images/'}[state]
    assert f': {absent}' in error
    assert ': does not exist' in error
    assert 'tools/dataset_converters/' in error
    assert '--data-root DIR' in error


def test_images_that_cannot_be_read(refused, digits, tmp_path):
    root = tmp_path / 'images'
    shutil.copytree(digits / 'imagenet_like', root)
    for path in root.glob('train/**/*.png'):
        path.write_bytes(path.read_bytes()[:100])
    config = map_config(tmp_path / 'map.py', root)
    assert '.png: cannot be read: ' in refused('train.py', config)
    shutil.rmtree(root / 'train')
    (root / 'train/digit').mkdir(parents=True)
    error = refused('train.py', config)
    assert 'Found 0 files in subfolders of' in error
    assert 'put images there, or set extensions' in error


def test_an_image_smaller_than_a_patch(refused, digits, tmp_path):
    resize = "[dict(type='Resize', scale=(64, 8))]"
    data = digits / 'imagenet_like'
    config = map_config(tmp_path / 'map.py', data, random=resize)
    expected = 'the image is 8x64, smaller than a 16x16 patch; resize'
    assert expected in refused('train.py', config)


def test_a_coco_file_of_other_classes(refused, boxes):
    root, change = boxes
    file = change(lambda c: c['categories'][1].update(name='cat'))
    error = refused('train.py', DETECTOR, '--data-root', root)
    assert f'1 class is not a category of {file}: 1;' in error


def test_a_class_map_that_does_not_fit(refused, segmentor, spoiled):
    root, path = spoiled
    error = refused('train.py', segmentor.config, '--data-root', root)
    assert f'{path}: {ODD_MAP}' in error


@pytest.mark.parametrize('workers', [0, 1])
def test_what_the_check_before_did_not_see(
    segmentor, spoiled, tmp_path, capfd, workers
):
    """The run ends with the file's name; what it trained is kept."""
    root, path = spoiled
    options = ('--data-root', root, '--no-data-check')
    run = (segmentor.config, *options, '--work-dir', tmp_path / 'run')
    setting = f'train_dataloader.num_workers={workers}'
    assert call('train.py', *run, '--cfg-options', setting) == 1
    assert message(capfd.readouterr().err).startswith(
        f'{root}/images/training/000002.png (class map {path}) cannot be '
        f'used: {ODD_MAP}. Fix or remove it'
    )


def test_bad_images_are_skipped_on_request(
    segmentor, spoiled, tmp_path, capfd
):
    root, path = spoiled
    work_dir = tmp_path / 'run'
    options = ('--data-root', root, '--skip-bad', '--work-dir', work_dir)
    assert call('train.py', segmentor.config, *options) == 0
    assert f'note: train: {path}: {ODD_MAP}' in capfd.readouterr().out
    image = f'{root}/images/training/000002.png'
    (log,) = work_dir.glob('*/*.log')
    assert f'skipped 1 unusable image, the last is {image}' in log.read_text()
    skipped = (work_dir / 'skipped_files.txt').read_text()
    assert skipped == f'{image}\t{ODD_MAP}\n'
    assert (work_dir / 'epoch_2.pth').is_file()


def test_validation_never_skips_images(segmentor, scenes, tmp_path, capfd):
    path = scenes / 'images/validation/000001.png'
    path.write_bytes(b'')
    options = ('--data-root', scenes, '--work-dir', tmp_path / 'run')
    run = (segmentor.config, *options, '--skip-bad')
    assert call('train.py', *run) == 1
    error = message(capfd.readouterr().err)
    assert f'{path}: cannot be read: it is empty' in error
    assert call('train.py', *run, '--no-data-check') == 1
    assert f'{path} (class map' in message(capfd.readouterr().err)
    # One epoch was trained, and can be continued.
    assert (tmp_path / 'run/epoch_1.pth').is_file()


ONE_IMAGE = """
train_dataloader['sampler'] = dict(_delete_=True, type='InfiniteSampler')
train_dataloader['drop_last'] = False
train_cfg = dict(
    _delete_=True, type='IterBasedTrainLoop', max_iters=2, val_interval=2)
param_scheduler = []
default_hooks['checkpoint'] = dict(by_epoch=False)
log_processor = dict(by_epoch=False)
"""


def test_a_data_set_of_one_image(refused, scenes, tmp_path):
    for path in scenes.glob('*/*/*'):
        if path.stem != '000000':
            path.unlink()
    epochs = upernet_config(tmp_path / 'epochs.py')
    error = refused('train.py', epochs, '--data-root', scenes)
    assert '1 training image cannot feed 1 process with batch' in error
    # As in the template for own data: the batch repeats it.
    steps = upernet_config(tmp_path / 'steps.py', extra=ONE_IMAGE)
    options = ('--data-root', scenes, '--work-dir', tmp_path / 'run')
    assert call('train.py', steps, *options) == 0
    assert (tmp_path / 'run/iter_2.pth').is_file()


def test_a_detector_of_one_image(boxes, tmp_path):
    root, change = boxes

    def keep_one(content):
        image = content['annotations'][0]['image_id']
        for kind, key in (('images', 'id'), ('annotations', 'image_id')):
            content[kind] = [e for e in content[kind] if e[key] == image]

    change(keep_one)
    run = (DETECTOR, '--data-root', root, '--work-dir', tmp_path / 'run')
    settings = (
        'train_cfg.max_epochs=1',
        'model.backbone.init_cfg=None',
        'train_dataloader.batch_size=1',
    )
    assert call('train.py', *run, '--cfg-options', *settings) == 0
    assert (tmp_path / 'run/epoch_1.pth').is_file()
