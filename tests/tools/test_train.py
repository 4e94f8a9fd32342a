"""Training and testing through the command lines."""

import json
import pickle
import re
import shutil
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config

from tests.forks import command
from tests.helpers import load_tool
from tests.tools.conftest import call, scalars
from tests.tools.tiny_configs import (
    RANDOM,
    map_config,
    mask_rcnn_config,
    point_map_config,
    upernet_config,
)

pytestmark = pytest.mark.slow
# Steps of SGD are as large as the gradients, so equal gradients are seen.
DETERMINISTIC = """
model['masking'] = dict(_delete_=True, type='SequentialMasking', start=0)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.1, momentum=0.9))
param_scheduler = []
randomness = dict(seed=3)
"""
EACH_RANK = """[
    dict(type='LossOfEachRankHook'), dict(type='FixedStatisticsHook'),
    dict(
        type='FeatureMonitorHook', interval=1, num_samples=8, max_share=1)]"""
# What else is random in a segmentor, or of each process alone.
SEGMENTOR = """
group_norm = dict(type='GN', num_groups=2)
model['decode_head'] |= dict(norm_cfg=group_norm, dropout_ratio=0.0)
model['auxiliary_head'] |= dict(norm_cfg=group_norm, dropout_ratio=0.0)
train_dataloader['dataset']['pipeline'][2]['prob'] = 0.0
custom_hooks = [*_base_.custom_hooks, dict(type='LossOfEachRankHook')]
custom_imports = dict(imports=['mmmap', 'tests.tools.tiny_hooks'])
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='SGD', lr=0.1, momentum=0.9))
param_scheduler = []
"""


def weights(path):
    return torch.load(path, weights_only=False)['state_dict']


def losses(work_dir, rank):
    return json.loads((work_dir / f'losses_{rank}.json').read_text())


@pytest.mark.parametrize('kind', ['images', 'points'])
def test_two_processes_train_as_one(digits, tmp_path, kind):
    make, data = dict(
        images=(map_config, digits / 'imagenet_like'),
        points=(point_map_config, tmp_path),
    )[kind]
    config = make(
        tmp_path / 'map.py', data, hooks=EACH_RANK, extra=DETERMINISTIC
    )
    one, two = tmp_path / 'one', tmp_path / 'two'
    assert call('train.py', config, '--work-dir', one) == 0
    done = command(
        'tools/dist_train.sh',
        config,
        2,
        *('--work-dir', two),
        *('--cfg-options', 'train_dataloader.batch_size=2'),
        forked=kind != 'images',
    )
    assert done.returncode == 0, done.stderr
    single = losses(one, 0)
    assert single == [step['loss'] for step in scalars(one)]
    assert single[-1] < single[0]
    halves = [losses(two, 0), losses(two, 1)]
    assert halves[0] == [step['loss'] for step in scalars(two)]
    ranks = [
        [line['effective_rank'] for line in scalars(run, 'effective_rank')]
        for run in (one, two)
    ]
    assert len(ranks[0]) == 2
    assert ranks[1] == pytest.approx(ranks[0], rel=1e-3)
    assert halves[0] != halves[1]
    mean = torch.tensor(halves).mean(0)
    torch.testing.assert_close(mean, torch.tensor(single), rtol=1e-5, atol=0)
    expected = weights(one / 'epoch_2.pth')
    trained = weights(two / 'epoch_2.pth')
    torch.testing.assert_close(trained, expected, rtol=1e-4, atol=1e-6)


def trained_by_two(config, data, folder):
    """Losses of one process, and of two on the halves of its batches."""
    run = ('--data-root', data, '--work-dir')
    done = command('python', 'tools/train.py', config, *run, folder / '1')
    assert done.returncode == 0, done.stderr
    done = command(
        'tools/dist_train.sh',
        *(config, 2, *run, folder / '2'),
        *('--cfg-options', 'train_dataloader.batch_size=2'),
    )
    assert done.returncode == 0, done.stderr
    parts = [losses(folder / '2', rank) for rank in (0, 1)]
    return torch.tensor(losses(folder / '1', 0)), torch.tensor(parts)


def test_two_processes_segment_as_one(digits, tmp_path):
    config = upernet_config(tmp_path / 'upernet.py', extra=SEGMENTOR)
    data = digits / 'ade_like'
    single, parts = trained_by_two(config, data, tmp_path)
    assert single[-1] < single[0]
    assert not torch.equal(*parts)
    torch.testing.assert_close(parts.mean(0), single, rtol=1e-4, atol=0)


def test_two_processes_detect_as_one(digits, tmp_path):
    """On one image again and again: losses are means over its instances."""
    config = mask_rcnn_config(tmp_path / 'mask-rcnn.py')
    data = digits / 'coco_like'
    single, parts = trained_by_two(config, data, tmp_path)
    assert single[-1] < single[0]
    torch.testing.assert_close(parts[0], single, rtol=1e-3, atol=0)
    torch.testing.assert_close(parts[1], single, rtol=1e-3, atol=0)


def test_sharded_processes_train_as_one(digits, tmp_path):
    """Two that share weights and optimizer, and are resumed midway."""
    images = digits / 'imagenet_like'
    whole = map_config(tmp_path / 'whole.py', images, extra=DETERMINISTIC)
    parts = map_config(
        tmp_path / 'parts.py',
        images,
        hooks="[dict(type='EMAHook'), dict(type='FeatureMonitorHook')]",
        extra=DETERMINISTIC,
    )
    one, two = tmp_path / 'one', tmp_path / 'two'
    assert call('train.py', whole, '--work-dir', one) == 0
    for epochs in (1, 2):
        done = command(
            'tools/dist_train.sh',
            parts,
            2,
            *('--work-dir', two, '--sharded', '--resume'),
            *('--cfg-options', 'train_dataloader.batch_size=2'),
            f'train_cfg.max_epochs={epochs}',
        )
        assert done.returncode == 0, done.stderr
    assert 'sharded: without EMAHook, FeatureMonitorHook' in done.stdout
    single, sharded = scalars(one), scalars(two)
    assert [line['step'] for line in sharded] == [*range(1, 11)]
    norms = [[line['grad_norm'] for line in log] for log in (sharded, single)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)
    expected = weights(one / 'epoch_2.pth')
    trained = weights(two / 'epoch_2.pth')
    torch.testing.assert_close(trained, expected, rtol=1e-4, atol=1e-6)


def test_one_process_cannot_be_sharded(pretrained, tmp_path, capsys):
    run = (pretrained.config, '--work-dir', tmp_path / 'run', '--sharded')
    assert call('train.py', *run) == 1
    error = capsys.readouterr().err
    assert 'tools/dist_train.sh CONFIG N --sharded' in error


def test_two_half_batches_step_as_one(digits, tmp_path):
    images = digits / 'imagenet_like'
    config = map_config(tmp_path / 'map.py', images, extra=DETERMINISTIC)
    whole, halves = tmp_path / 'whole', tmp_path / 'halves'
    assert call('train.py', config, '--work-dir', whole) == 0
    run = (config, '--work-dir', halves, '--cfg-options')
    settings = (
        'train_dataloader.batch_size=2',
        'optim_wrapper.accumulative_counts=2',
    )
    assert call('train.py', *run, *settings) == 0
    single = [line['loss'] for line in scalars(whole)]
    parts = torch.tensor([line['loss'] for line in scalars(halves)])
    mean = parts.view(-1, 2).mean(1)
    torch.testing.assert_close(mean, torch.tensor(single), rtol=1e-5, atol=0)
    expected = weights(whole / 'epoch_2.pth')
    trained = weights(halves / 'epoch_2.pth')
    torch.testing.assert_close(trained, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('workers', [0, 1])
def test_resumed_after_a_kill_as_if_never_stopped(digits, tmp_path, workers):
    """Without a seed in the config: it has to come from the checkpoint."""
    images = digits / 'imagenet_like'
    plain = map_config(tmp_path / 'plain.py', images, RANDOM)
    killed = map_config(
        tmp_path / 'killed.py',
        images,
        RANDOM,
        "[dict(type='KillHook', after=13)]",
    )
    options = (
        '--cfg-options',
        'train_cfg.max_epochs=4',
        f'train_dataloader.num_workers={workers}',
    )
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    assert call('train.py', plain, '--work-dir', whole, *options) == 0
    last = torch.load(whole / 'epoch_4.pth', weights_only=False)
    seed = f'randomness.seed={last["meta"]["seed"]}'
    run = ('tools/train.py', killed, '--work-dir', parts, *options, seed)
    assert command('python', *run).returncode == -9
    assert (parts / 'last_checkpoint').read_text().endswith('epoch_2.pth')
    run = (plain, '--work-dir', parts, '--resume', *options)
    assert call('train.py', *run) == 0
    assert [step['step'] for step in scalars(parts)] == [
        *range(1, 13),
        *range(11, 21),
    ]
    resumed = weights(parts / 'epoch_4.pth')
    for name, value in last['state_dict'].items():
        assert torch.equal(value, resumed[name]), name


@pytest.mark.parametrize(
    ('note', 'first_step'),
    [('', 6), ('epoch_2.pth', 6), ('epoch_9.pth', 6), (None, 1)],
)
def test_resumed_after_a_kill_while_writing(
    pretrained, tmp_path, note, first_step
):
    """The note of the last checkpoint is empty, or of a truncated one."""
    if note is not None:
        shutil.copy(pretrained.work_dir / 'epoch_1.pth', tmp_path)
        (tmp_path / 'last_checkpoint').write_text(
            note and f'{tmp_path / note}'
        )
    whole = pretrained.checkpoint.read_bytes()
    (tmp_path / 'epoch_2.pth').write_bytes(whole[: len(whole) // 2])
    run = (pretrained.config, '--work-dir', tmp_path, '--resume')
    assert call('train.py', *run) == 0
    steps = [step['step'] for step in scalars(tmp_path)]
    assert steps == [*range(first_step, 11)]


def test_a_damaged_checkpoint_is_passed_over(pretrained, tmp_path, capsys):
    """One bit is another, and the note of the last one is no text."""
    for epoch in (1, 2):
        shutil.copy(pretrained.work_dir / f'epoch_{epoch}.pth', tmp_path)
    path = tmp_path / 'epoch_2.pth'
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (tmp_path / 'last_checkpoint').write_bytes(bytes(range(256)))
    run = (pretrained.config, '--work-dir', tmp_path, '--resume')
    assert call('train.py', *run) == 0
    assert f'{path}: it is damaged' in capsys.readouterr().out
    assert [step['step'] for step in scalars(tmp_path)] == [*range(6, 11)]


def train(config, work_dir, *options, settings=()):
    """Train one epoch; return the config that was run, and the log."""
    short = ('--cfg-options', 'train_cfg.max_epochs=1', *settings)
    run = (config, '--work-dir', work_dir, *options, *short)
    assert call('train.py', *run) == 0
    dumped = Config.fromfile(next(work_dir.glob('*.py')))
    return dumped, scalars(work_dir)


def test_amp_is_bf16(pretrained, tmp_path):
    seed = ('randomness.seed=0',)
    config = pretrained.config
    full, log = train(config, tmp_path / 'fp32', settings=seed)
    amp, amp_log = train(config, tmp_path / 'amp', '--amp', settings=seed)
    assert full.optim_wrapper.get('type', 'OptimWrapper') == 'OptimWrapper'
    assert amp.optim_wrapper.type == 'CPUAmpOptimWrapper'
    # The same first batch: other by rounding to 8 bits, and by no more.
    first, amp_first = log[0]['loss'], amp_log[0]['loss']
    assert first != amp_first
    assert amp_first == pytest.approx(first, rel=1e-2)


def test_amp_of_a_gpu_is_bf16():
    tool = load_tool('train.py')
    config = Config(dict(optim_wrapper=dict(optimizer=dict(type='SGD'))))
    tool.apply_options(config, tool.parse_args(['config.py', '--amp']))
    wrapper = config.optim_wrapper
    assert (wrapper.type, wrapper.dtype) == ('AmpOptimWrapper', 'bfloat16')


@pytest.mark.parametrize(
    ('make', 'data'),
    [
        (map_config, 'imagenet_like'),
        (mask_rcnn_config, 'coco_like'),
        (upernet_config, 'ade_like'),
    ],
    ids=['mmpretrain', 'mmdet', 'mmseg'],
)
def test_compiled_training_of_each_library(
    digits, tmp_path, monkeypatch, make, data
):
    """The graphs are those of training; nothing is generated from them."""
    if make is map_config:
        config = map_config(
            tmp_path / 'config.py', digits / data, extra=DETERMINISTIC
        )
    else:
        extra = SEGMENTOR if make is upernet_config else ''
        config = make(tmp_path / 'config.py', extra=extra)
    run = (config, '--data-root', digits / data, '--work-dir')
    graphs = []

    def as_it_is(graph, inputs):
        graphs.append(len(graph.graph.nodes))
        return graph.forward

    compile_ = torch.compile
    monkeypatch.setattr(
        torch, 'compile', lambda f, **_: compile_(f, backend=as_it_is)
    )
    assert call('train.py', *run, tmp_path / 'eager') == 0
    assert not graphs
    assert call('train.py', *run, tmp_path / 'compiled', '--compile') == 0
    assert max(graphs) > 100  # a backbone of four blocks
    expected, found = (
        [step['loss'] for step in scalars(tmp_path / name)]
        for name in ('eager', 'compiled')
    )
    assert len(found) >= 4
    assert found == pytest.approx(expected, rel=1e-4)


def test_cuda_graphs_need_a_gpu(pretrained, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    run = (pretrained.config, '--work-dir', tmp_path / 'run')
    assert call('train.py', *run, '--cuda-graphs') == 1
    assert '--cuda-graphs needs a GPU' in capsys.readouterr().err


def test_learning_rate_scaled_to_the_batch(pretrained, tmp_path):
    settings = ('param_scheduler=[]', 'auto_scale_lr.base_batch_size=16')
    run = (pretrained.config, tmp_path, '--auto-scale-lr')
    _, log = train(*run, settings=settings)
    assert [step['lr'] for step in log] == [1.5e-3 * 4 / 16] * 5


def test_scaling_without_a_base_is_refused(pretrained, tmp_path, capsys):
    run = (pretrained.config, '--work-dir', tmp_path, '--auto-scale-lr')
    assert call('train.py', *run) == 1
    error = capsys.readouterr().err
    assert 'auto_scale_lr=dict(base_batch_size=...)' in error


def test_settings_from_the_command_line(digits, pretrained, tmp_path):
    other = tmp_path / 'other data'
    (other / 'train').mkdir(parents=True)
    (other / 'train/1').symlink_to(digits / 'imagenet_like/train/1')
    settings = (
        'train_dataloader.batch_size=1',
        'optim_wrapper.optimizer.lr=0.125',
        'param_scheduler=[]',
    )
    run = (pretrained.config, tmp_path / 'run', '--data-root', other)
    config, log = train(*run, settings=settings)
    assert config.train_dataloader.dataset.data_root == str(other)
    # Its two images one by one.
    assert [step['base_lr'] for step in log] == [0.125] * 2


def test_work_dir_by_default_is_named_after_the_config(
    pretrained, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert call('train.py', pretrained.config) == 0
    assert (tmp_path / 'work_dirs/map/epoch_2.pth').is_file()


def test_segmentor_starts_from_the_pretrained_weights(pretrained, segmentor):
    log = next(segmentor.work_dir.glob('*/*.log')).read_text()
    backbone = [k for k in weights(pretrained.checkpoint) if 'backbone.' in k]
    assert f'{len(backbone)} tensors matched' in log


@pytest.fixture(scope='module')
def tested(digits, segmentor, tmp_path_factory):
    """tools/test.py on the segmentor, with all it can write."""
    folder = tmp_path_factory.mktemp('tested')
    done = call(
        'test.py',
        *(segmentor.config, segmentor.checkpoint),
        *('--data-root', digits / 'ade_like', '--work-dir', folder),
        *('--show-dir', folder / 'shown', '--out', folder / 'out.pkl'),
    )
    assert done == 0
    return folder


def metrics(folder):
    """From the log: mmengine's json is written by all processes at once."""
    last = next(folder.glob('*/*.log')).read_text().split('Epoch(test)')[-1]
    found = re.findall(r'(aAcc|mIoU|mAcc): ([\d.]+)', last)
    return {name: float(value) for name, value in found}


def test_testing_gives_the_last_validation(segmentor, tested):
    last = scalars(segmentor.work_dir, 'mIoU')[-1]
    found = metrics(tested)
    assert set(found) == {'aAcc', 'mIoU', 'mAcc'}
    assert found == {name: round(last[name], 4) for name in found}
    assert found['mIoU'] > 0


def test_what_testing_writes(digits, tested):
    shown = sorted(tested.glob('shown/**/*.png'))
    assert len(shown) == 4
    # The truth and the prediction side by side.
    assert {cv2.imread(str(path)).shape for path in shown} == {(64, 128, 3)}
    samples = pickle.loads((tested / 'out.pkl').read_bytes())
    names = [Path(sample['img_path']).name for sample in samples]
    assert names == [f'{index:06d}.png' for index in range(4)]
    for sample, name in zip(samples, names):
        truth = digits / 'ade_like/annotations/validation' / name
        truth = torch.from_numpy(cv2.imread(str(truth), -1).astype(int)) - 1
        labels = sample['gt_sem_seg']['data'][0].long()
        assert torch.equal(labels, truth % 256)


def test_two_processes_test_as_one(digits, segmentor, tested, tmp_path):
    done = command(
        'tools/dist_test.sh',
        *(segmentor.config, segmentor.checkpoint, 2),
        *('--data-root', digits / 'ade_like', '--work-dir', tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path) == metrics(tested)


def test_out_must_be_a_pickle(digits, segmentor, tmp_path, capsys):
    run = (segmentor.config, segmentor.checkpoint, '--work-dir', tmp_path)
    assert call('test.py', *run, '--out', 'x.json') == 1
    assert '--out must end in .pkl, got x.json' in capsys.readouterr().err


def test_pretraining_has_no_test(pretrained, tmp_path, capsys):
    run = (pretrained.config, pretrained.checkpoint, '--work-dir', tmp_path)
    assert call('test.py', *run) == 1
    assert 'has no test' in capsys.readouterr().err
