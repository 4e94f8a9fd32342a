"""Wrong input ends with what came, what was expected and what to do."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from mmmap.models.backbones import HybridNet
from tests.forks import command
from tests.helpers import REPO
from tests.tools.conftest import call
from tests.tools.tiny_configs import map_config, upernet_config

pytestmark = pytest.mark.slow


@pytest.fixture
def refused(tmp_path, capfd):
    """Run a tool that has to refuse; return its message."""

    def refused(tool, *arguments, settings=()):
        work_dir = tmp_path / 'refused'
        run = (*arguments, '--work-dir', work_dir)
        if settings:
            run += ('--cfg-options', *settings)
        capfd.readouterr()
        assert call(tool, *run) == 1
        if tool == 'train.py':
            assert not work_dir.exists()
        return message(capfd.readouterr().err)

    return refused


def message(stderr):
    """The end of what a user sees, which has to be the error alone."""
    assert 'Traceback' not in stderr
    before, error, text = f'\n{stderr}'.rpartition('\nerror: ')
    assert error
    assert 'error: ' not in before
    return text


def test_a_config_that_is_not_there(refused):
    error = refused('train.py', 'configs/demo/nothing.py')
    assert 'no config at configs/demo/nothing.py' in error


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
@pytest.mark.parametrize('state', ['missing', 'empty'])
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


@pytest.mark.parametrize(
    ('setting', 'expected'),
    [
        ('model.backbone.nonsense=3', "unexpected keyword argument 'nonsense"),
        ('model.backbone.type=Nobody', 'Nobody is not in the mm'),
    ],
)
def test_a_config_of_another_model(refused, pretrained, setting, expected):
    assert expected in refused(
        'train.py', pretrained.config, settings=[setting]
    )


def test_a_coco_file_that_lists_an_absent_image(refused, digits, tmp_path):
    root = tmp_path / 'coco'
    shutil.copytree(digits / 'coco_like', root)
    (root / 'train/000003.png').unlink()
    config = REPO / 'configs/study/mask-rcnn_digits.py'
    error = refused('train.py', config, '--data-root', root)
    assert f'1 listed file is not there: {root}/train/000003.png' in error


def test_a_coco_file_that_is_none(refused, digits, tmp_path):
    root = tmp_path / 'coco'
    shutil.copytree(digits / 'coco_like', root)
    file = root / 'annotations/instances_train.json'
    file.write_text(json.dumps({'images': []}))
    config = REPO / 'configs/study/mask-rcnn_digits.py'
    error = refused('train.py', config, '--data-root', root)
    assert f'{file}: has no list of categories' in error


def test_a_coco_file_of_other_classes(refused, digits, tmp_path):
    root = tmp_path / 'coco'
    shutil.copytree(digits / 'coco_like', root)
    file = root / 'annotations/instances_train.json'
    content = json.loads(file.read_text())
    content['categories'][1]['name'] = 'cat'
    file.write_text(json.dumps(content))
    config = REPO / 'configs/study/mask-rcnn_digits.py'
    error = refused('train.py', config, '--data-root', root)
    assert f'1 class is no category of {file}: 1;' in error


@pytest.mark.parametrize(
    ('labels', 'wrong'),
    [
        (np.ones((32, 64), np.uint8), 'is 64x32, the image 64x64'),
        (np.full((64, 64), 12, np.uint8), 'has the class 11, counted from'),
    ],
)
def test_a_class_map_that_does_not_fit(
    refused, digits, segmentor, tmp_path, labels, wrong
):
    root = tmp_path / 'ade'
    shutil.copytree(digits / 'ade_like', root)
    path = root / 'annotations/training/000002.png'
    cv2.imwrite(str(path), labels)
    error = refused('train.py', segmentor.config, '--data-root', root)
    assert f'{path}: the class map {wrong}' in error


@pytest.fixture
def spoiled(digits, tmp_path):
    """Scenes of which one class map is of another size; its path."""
    root = tmp_path / 'ade'
    shutil.copytree(digits / 'ade_like', root)
    path = root / 'annotations/training/000002.png'
    cv2.imwrite(str(path), np.ones((32, 64), np.uint8))
    return root, path


@pytest.mark.parametrize('workers', [0, 1])
def test_what_the_check_before_did_not_see(
    segmentor, spoiled, tmp_path, capfd, workers
):
    """The run ends with the file's name; what it trained is kept."""
    root, path = spoiled
    work_dir = tmp_path / 'run'
    options = ('--data-root', root, '--no-data-check', '--work-dir', work_dir)
    setting = f'train_dataloader.num_workers={workers}'
    run = (segmentor.config, *options, '--cfg-options', setting)
    assert call('train.py', *run) == 1
    assert message(capfd.readouterr().err).startswith(
        f'{root}/images/training/000002.png (class map {path}) cannot be '
        'used: the class map is 64x32, the image 64x64. Fix or remove it'
    )


def test_bad_images_are_left_out_when_asked(
    segmentor, spoiled, tmp_path, capfd
):
    root, path = spoiled
    work_dir = tmp_path / 'run'
    options = ('--data-root', root, '--skip-bad', '--work-dir', work_dir)
    assert call('train.py', segmentor.config, *options) == 0
    output = capfd.readouterr()
    said = f'{path}: the class map is 64x32, the image 64x64'
    assert f'note: train: {said}' in output.out
    image = f'{root}/images/training/000002.png'
    (log,) = work_dir.glob('*/*.log')
    assert f'skipped 1 unusable image, the last is {image}' in log.read_text()
    assert (work_dir / 'skipped_files.txt').read_text() == (
        f'{image}\tthe class map is 64x32, the image 64x64\n'
    )
    assert (work_dir / 'epoch_2.pth').is_file()


def test_what_is_validated_on_is_never_left_out(
    segmentor, digits, tmp_path, capfd
):
    root = tmp_path / 'ade'
    shutil.copytree(digits / 'ade_like', root)
    path = root / 'images/validation/000001.png'
    path.write_bytes(b'')
    options = ('--data-root', root, '--work-dir', tmp_path / 'run')
    run = (segmentor.config, *options, '--skip-bad')
    assert call('train.py', *run) == 1
    error = message(capfd.readouterr().err)
    assert f'{path}: cannot be read: it is empty' in error
    assert call('train.py', *run, '--no-data-check') == 1
    assert f'{path} (class map' in message(capfd.readouterr().err)
    # One epoch was trained, and is there to go on from.
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


def test_a_data_set_of_one_image(refused, digits, tmp_path):
    root = tmp_path / 'ade'
    shutil.copytree(digits / 'ade_like', root)
    for path in [*root.glob('*/training/*'), *root.glob('*/validation/*')]:
        if path.stem != '000000':
            path.unlink()
    epochs = upernet_config(tmp_path / 'epochs.py')
    error = refused('train.py', epochs, '--data-root', root)
    assert '1 training image cannot feed 1 process with batch' in error
    # As the template for data of one's own has it: the batch repeats it.
    steps = upernet_config(tmp_path / 'steps.py', extra=ONE_IMAGE)
    options = ('--data-root', root, '--work-dir', tmp_path / 'run')
    assert call('train.py', steps, *options) == 0
    assert (tmp_path / 'run/iter_2.pth').is_file()


def test_a_detector_of_one_image(digits, tmp_path):
    root = tmp_path / 'coco'
    shutil.copytree(digits / 'coco_like', root)
    file = root / 'annotations/instances_train.json'
    content = json.loads(file.read_text())
    image = content['annotations'][0]['image_id']
    content['images'] = [i for i in content['images'] if i['id'] == image]
    content['annotations'] = [
        a for a in content['annotations'] if a['image_id'] == image
    ]
    file.write_text(json.dumps(content))
    config = REPO / 'configs/study/mask-rcnn_digits.py'
    run = (config, '--data-root', root, '--work-dir', tmp_path / 'run')
    few = ('train_cfg.max_epochs=1', 'model.backbone.init_cfg=None')
    single = ('train_dataloader.batch_size=1', *few)
    assert call('train.py', *run, '--cfg-options', *single) == 0
    assert (tmp_path / 'run/epoch_1.pth').is_file()


class Harmful:
    """Makes a file when it is unpickled without care."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


@pytest.fixture(scope='module')
def checkpoints(segmentor, tmp_path_factory):
    """Checkpoints that cannot be used, by what is wrong with them."""
    folder = tmp_path_factory.mktemp('checkpoints')
    arch = dict(embed_dims=32, pattern='MMMT', num_heads=2, d_state=4)
    other = HybridNet(arch, img_size=64, out_indices=(0, 1, 2, 3))
    other = {f'backbone.{k}': v for k, v in other.state_dict().items()}
    torch.save(dict(state_dict=other, meta={}), folder / 'other.pth')
    stranger = {'conv1.weight': torch.zeros(8, 3, 7, 7)}
    torch.save(dict(state_dict=stranger, meta={}), folder / 'stranger.pth')
    harmful = dict(state_dict=other, meta={'by': Harmful(folder / 'harm')})
    torch.save(harmful, folder / 'harmful.pth')
    whole = segmentor.checkpoint.read_bytes()
    (folder / 'cut.pth').write_bytes(whole[: len(whole) // 2])
    return folder


# By checkpoint: what is said of it where a backbone takes its weights (the
# prefix is looked for first) and where a whole model does.
UNUSABLE = {
    'other': ('does not fit HybridNet', 'does not fit EncoderDecoder'),
    'stranger': ('no weights under the prefix', '0 tensors matched'),
    'cut': ('truncated', 'truncated'),
    'harmful': ('it holds io.open', 'it holds io.open'),
    'absent': ('no checkpoint at', 'no checkpoint at'),
}


@pytest.mark.parametrize('name', UNUSABLE)
def test_checkpoint_for_the_backbone(
    refused, digits, checkpoints, tmp_path, name
):
    path = checkpoints / f'{name}.pth'
    config = upernet_config(tmp_path / 'upernet.py', path)
    run = ('train.py', config, '--data-root', digits / 'ade_like')
    error = refused(*run)
    assert str(path) in error
    assert UNUSABLE[name][0] in error
    assert not (checkpoints / 'harm').exists()


@pytest.mark.parametrize('name', UNUSABLE)
@pytest.mark.parametrize('way', ['load_from', 'resume', 'test'])
def test_checkpoint_for_the_model(
    refused, digits, checkpoints, tmp_path, name, way
):
    path = checkpoints / f'{name}.pth'
    config = upernet_config(tmp_path / 'upernet.py')
    run = [config, '--data-root', digits / 'ade_like']
    if way == 'load_from':
        error = refused('train.py', *run, settings=[f'load_from={path}'])
    elif way == 'resume':
        error = refused('train.py', *run, '--resume', path)
    else:
        error = refused('test.py', config, path, *run[1:])
    assert str(path) in error
    assert UNUSABLE[name][1] in error
    assert not (checkpoints / 'harm').exists()


@pytest.mark.parametrize(
    ('setting', 'expected'),
    [
        ('model.masking.ratio=0', 'between 0 and 1, both excluded, got 0'),
        ('model.masking.ratio=1', 'between 0 and 1, both excluded, got 1'),
        ('model.masking.ratio=1.5', 'both excluded, got 1.5'),
        (
            'model.backbone.arch=giant',
            "unknown arch 'giant'; choose one of t, tiny, s, small",
        ),
        (
            'model.backbone.out_indices=4',
            'out_indices must lie in [-4, 3] for a backbone of 4 blocks, '
            'got 4',
        ),
        (
            'train_dataloader.batch_size=32',
            '20 training images cannot feed 1 process with batches of 32',
        ),
    ],
)
def test_settings_that_cannot_be(refused, pretrained, setting, expected):
    error = refused('train.py', pretrained.config, settings=[setting])
    assert expected in error


@pytest.mark.parametrize(
    ('scale', 'expected'),
    [
        ('8', 'the image is 8x8, smaller than a 16x16 patch; resize it'),
        ('(64, 8)', 'the image is 8x64, smaller than a 16x16 patch; resize'),
    ],
)
def test_an_image_smaller_than_a_patch(
    refused, digits, tmp_path, scale, expected
):
    resize = f"[dict(type='Resize', scale={scale})]"
    data = digits / 'imagenet_like'
    config = map_config(tmp_path / 'map.py', data, random=resize)
    assert expected in refused('train.py', config)


@pytest.mark.parametrize(
    ('backend', 'expected'),
    [
        ('nonsense', "unknown backend 'nonsense' from the environment"),
        ('mamba_ssm', "asks for backend 'mamba_ssm', which cannot run: "),
    ],
)
def test_scan_backends(refused, pretrained, monkeypatch, backend, expected):
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', backend)
    assert expected in refused('train.py', pretrained.config)


def test_the_traceback_is_shown_when_asked_for(pretrained, tmp_path, capfd):
    run = ('train.py', pretrained.config, '--work-dir', tmp_path)
    ratio = ('--cfg-options', 'model.masking.ratio=0')
    assert call(*run, '--traceback', *ratio) == 1
    before, _, error = capfd.readouterr().err.rpartition('\nerror: ')
    assert 'Traceback (most recent call last)' in before
    assert error.startswith('mask ratio must lie between 0 and 1')


def raising(digits, tmp_path, capfd, error):
    """Status and last lines of a run of which a hook fails in epoch 2."""
    config = map_config(
        tmp_path / 'raising.py',
        digits / 'imagenet_like',
        hooks=f"[dict(type='RaiseHook', after=8, error='{error}')]",
    )
    status = call('train.py', config, '--work-dir', tmp_path / 'run')
    return status, capfd.readouterr().err.splitlines()


WHERE = (
    'while training, epoch 2 of 2, iteration 8 of 10; to continue, run the '
    'same command with --resume'
)


def test_a_bug_while_training(digits, tmp_path, capfd):
    """Its traceback is on the screen and in the log, with where it was."""
    status, said = raising(digits, tmp_path, capfd, 'ValueError')
    assert status == 1
    assert said[-2:] == ['ValueError: from a hook', f'stopped {WHERE}']
    (log,) = tmp_path.glob('run/*/*.log')
    text = log.read_text()
    assert 'Traceback (most recent call last)' in text
    assert text.endswith(f'ValueError: from a hook\nstopped {WHERE}\n')


def test_ctrl_c_while_training(digits, tmp_path, capfd):
    status, said = raising(digits, tmp_path, capfd, 'KeyboardInterrupt')
    assert status == 130
    assert said[-1] == f'interrupted {WHERE}'
    assert not any('Traceback' in line for line in said)


def test_batch_normalisation_of_a_single_value(refused, digits, tmp_path):
    config = upernet_config(tmp_path / 'upernet.py')
    run = ('train.py', config, '--data-root', digits / 'ade_like')
    error = refused(*run, settings=['train_dataloader.batch_size=1'])
    assert 'set train_dataloader.batch_size to at least 2' in error


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_a_folder_where_a_file_is_expected(
    refused, segmentor, digits, tmp_path, tool
):
    data = ('--data-root', digits / 'ade_like')
    checkpoint = () if tool == 'train.py' else (segmentor.checkpoint,)
    error = refused(tool, tmp_path, *checkpoint, *data)
    assert f'{tmp_path} is a folder, expected a config file' in error
    if tool == 'train.py':
        run = (segmentor.config, '--resume', tmp_path, *data)
    else:
        run = (segmentor.config, tmp_path, *data)
    error = refused(tool, *run)
    assert f'{tmp_path} is a folder, expected a checkpoint file' in error


def test_as_a_process_of_its_own(pretrained, tmp_path):
    run = ('tools/train.py', pretrained.config, '--work-dir', tmp_path)
    ratio = ('--cfg-options', 'model.masking.ratio=1.5')
    done = command('python', *run, *ratio, forked=False)
    assert done.returncode == 1
    assert 'both excluded, got 1.5' in message(done.stderr)
    assert not list(tmp_path.glob('**/*.pth'))


def test_more_processes_than_the_batch_can_feed(pretrained, tmp_path):
    run = (pretrained.config, 2, '--work-dir', tmp_path)
    size = ('--cfg-options', 'train_dataloader.batch_size=16')
    done = command('tools/dist_train.sh', *run, *size)
    assert done.returncode == 1
    # Both processes fail and one speaks; nothing of torchrun follows it.
    assert message(done.stderr) == (
        '20 training images cannot feed 2 processes with batches of 16: use '
        'fewer processes, a smaller train_dataloader.batch_size or more '
        'data\n'
    )
    assert not list(tmp_path.glob('**/*.pth'))


def test_a_run_that_is_ended_from_outside(digits, tmp_path):
    config = map_config(
        tmp_path / 'ended.py',
        digits / 'imagenet_like',
        hooks="[dict(type='EndLauncherHook')]",
    )
    run = (config, 1, '--work-dir', tmp_path / 'run')
    # The hook ends its parent, which must be the launcher.
    done = command('tools/dist_train.sh', *run, forked=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == 'error: ended by SIGTERM'
    assert 'Traceback' not in done.stderr


def test_ctrl_c_of_a_launcher(digits, tmp_path):
    config = map_config(
        tmp_path / 'interrupted.py',
        digits / 'imagenet_like',
        hooks="[dict(type='EndLauncherHook', by='SIGINT')]",
    )
    run = (config, 1, '--work-dir', tmp_path / 'run')
    # Its signal would end the server that forks, too.
    done = command('tools/dist_train.sh', *run, forked=False)
    assert done.returncode == 130
    assert 'Traceback' not in done.stderr
    assert done.stderr.splitlines()[-1] == (
        'interrupted while training, epoch 1 of 2, iteration 1 of 10; to '
        'continue, run the same command again (no checkpoint was written yet)'
    )


@pytest.mark.parametrize('count', [None, '0', 'two', '1.5', '--resume'])
@pytest.mark.parametrize(
    ('script', 'leading', 'usage'),
    [
        ('dist_train.sh', ['c.py'], 'tools/dist_train.sh CONFIG GPUS'),
        (
            'dist_test.sh',
            ['c.py', 'c.pth'],
            'tools/dist_test.sh CONFIG CHECKPOINT GPUS',
        ),
    ],
)
def test_number_of_processes(script, leading, usage, count):
    arguments = [*leading, count] if count else leading
    done = command(f'tools/{script}', *arguments)
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert first == (
        'error: expected the number of processes as argument '
        f"{len(leading) + 1}, got '{' '.join(arguments)}'"
    )
    assert usage in '\n'.join(rest)
