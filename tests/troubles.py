"""Provokes the messages that docs/troubleshooting.md explains."""

import json
import subprocess
import sys
from types import SimpleNamespace
from unittest import mock

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.registry import MODELS, Registry, init_default_scope
from mmengine.runner import load_checkpoint
from torch import nn

from mmmap.checkpoints import read_checkpoint
from mmmap.datasets.checked_pipeline import CheckedPipeline
from mmmap.engine.hooks import BatchFeedHook, NaNGuardHook
from mmmap.engine.launch import _network_advice, build_runner, training
from mmmap.engine.numbers import check_numbers
from mmmap.engine.settings import override
from mmmap.engine.trained_models import open_model
from mmmap.engine.work_dir_lock import lock_work_dir
from mmmap.models.backbones import HybridNet
from mmmap.openmmlab.multimodal import register_placeholders
from mmmap.ops import selective_scan
from tests.engine.tiny_runner import tiny_runner
from tests.helpers import REPO
from tests.mmcv_ops.package import load_extension

ARCH = dict(embed_dims=16, pattern='MMMT', num_heads=2, d_state=4)


def config(folder, text):
    """A config file, opened."""
    path = folder / 'config.py'
    path.write_text(text)
    return Config.fromfile(path)


def base_of_mmseg(folder):
    config(folder, "_base_ = 'mmseg::_base_/models/upernet_r50.py'")


def base_of_ours(folder):
    config(folder, "_base_ = 'mmmap::mmseg/upernet.py'")


def dict_as_text(folder):
    text = "{'type':'Pretrained','checkpoint':'x.pth'}"
    override(without_weights(folder), {'model.backbone.init_cfg': text})


def setting_over_none(folder):
    setting = {'model.backbone.init_cfg.checkpoint': 'x.pth'}
    override(without_weights(folder), setting)


def text_for_a_number(folder):
    settings = {'train_dataloader.batch_size': 'four'}
    override(config(folder, 'train_dataloader = dict(batch_size=2)'), settings)


def number_that_is_too_small(folder):
    check_numbers(dict(train_cfg=dict(max_epochs=0)))


def without_weights(path):
    """A config whose backbone starts from random weights."""
    return config(path, 'model = dict(backbone=dict(init_cfg=None))')


def transformers_5(folder):
    registry = Registry('models')
    register_placeholders(['BlipCaption'], registry)
    registry.build(dict(type='BlipCaption'))


def no_prefix(folder):
    init_default_scope('mmseg')
    MODELS.build(dict(type='HybridNet', arch=ARCH))


def own_constructor(folder):
    from mmdet.engine.optimizers import LearningRateDecayOptimizerConstructor

    model = nn.Module()
    model.backbone = HybridNet(ARCH, img_size=64)
    LearningRateDecayOptimizerConstructor(
        dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-4)),
        dict(decay_rate=0.9, decay_type='layer_wise', num_layers=4),
    )(model)


def into_backbone(folder, weights, prefix='backbone.'):
    """Load a checkpoint into a backbone, as ``init_cfg`` does."""
    path = str(folder / 'weights.pth')
    torch.save(dict(state_dict=weights), path)
    init = dict(type='Pretrained', checkpoint=path, prefix=prefix)
    HybridNet(ARCH, img_size=64, init_cfg=init).init_weights()


def weights_of_another_model(folder):
    into_backbone(folder, {'conv1.weight': torch.zeros(8, 3, 7, 7)})


def weights_of_another_arch(folder):
    other = HybridNet(dict(ARCH, embed_dims=32), img_size=64).state_dict()
    into_backbone(folder, {f'backbone.{k}': v for k, v in other.items()})


def inferencer_with_another_arch(folder):
    model = nn.Module()
    model.backbone = HybridNet(ARCH, img_size=64)
    other = HybridNet(ARCH | dict(embed_dims=32), img_size=64).state_dict()
    other = {f'backbone.{key}': value for key, value in other.items()}
    torch.save(dict(state_dict=other), folder / 'other.pth')
    load_checkpoint(model, str(folder / 'other.pth'))


def absent_checkpoint(folder):
    init = dict(type='Pretrained', checkpoint='map_small.pth')
    HybridNet(ARCH, img_size=64, init_cfg=init).init_weights()


def truncated_checkpoint(folder):
    path = folder / 'weights.pth'
    torch.save(dict(state_dict=HybridNet(ARCH).state_dict()), path)
    path.write_bytes(path.read_bytes()[:5000])
    init = dict(type='Pretrained', checkpoint=str(path))
    HybridNet(ARCH, img_size=64, init_cfg=init).init_weights()


class Stranger:
    """A class that no checkpoint needs."""


def checkpoint_with_code(folder):
    into_backbone(folder, {'x': Stranger()})


def history_buffer(folder):
    """Of mmengine's checkpoints, read by torch itself."""
    path = folder / 'epoch_1.pth'
    torch.save(dict(message_hub=HistoryBuffer()), path)
    torch.load(path)


def encoder_alone(folder):
    init_default_scope('mmpretrain')
    weights = HybridNet(ARCH, img_size=64).state_dict()
    weights = {f'backbone.{k}': v for k, v in weights.items()}
    path = folder / 'encoder.pth'
    torch.save(dict(state_dict=weights), path)
    open_model(REPO / 'configs/study/map_digits.py', path, ('MAP',))


def no_number(folder):
    NaNGuardHook(interval=1).after_train_iter(
        SimpleNamespace(iter=49), 0, None, dict(loss=torch.tensor(torch.nan))
    )


def amp_of_detector(folder):
    given = Config.fromfile(REPO / 'configs/study/mask-rcnn_digits.py')
    given.optim_wrapper.type = 'AmpOptimWrapper'
    build_runner(given)


def few_images(folder):
    data = SimpleNamespace(batch_size=32, drop_last=True, dataset=range(20))
    runner = SimpleNamespace(train_dataloader=data, world_size=1)
    BatchFeedHook().before_train(runner)


def no_image_left(folder):
    """mmdet leaves out the only image, which has no annotation."""
    image = dict(id=1, file_name='a.jpg', width=64, height=64)
    content = dict(
        images=[image], annotations=[], categories=[dict(id=1, name='a')]
    )
    path = folder / 'instances.json'
    path.write_text(json.dumps(content))
    dataset = dict(
        type='mmdet.CocoDataset',
        ann_file=str(path),
        data_prefix=dict(img=''),
        metainfo=dict(classes=('a',)),
        filter_cfg=dict(filter_empty_gt=True),
    )
    runner = tiny_runner(folder / 'run', dataset=dataset)
    BatchFeedHook().before_train(runner)


def one_image(folder):
    """UPerNet pools to one pixel, which batch norm cannot normalise."""
    nn.BatchNorm2d(512)(torch.zeros(1, 512, 1, 1))


def one_value_a_channel(folder):
    runner = SimpleNamespace(
        iter=0, epoch=0, max_iters=1, max_epochs=1, work_dir=str(folder)
    )
    with training(runner):
        nn.BatchNorm2d(2)(torch.ones(1, 2, 1, 1))


def unused_parameter(folder):
    """Of a model of two layers of which one is used."""
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/group', rank=0, world_size=1
    )
    try:
        model = nn.parallel.DistributedDataParallel(HalfUsed())
        for _ in range(2):
            model(torch.ones(1, 2)).sum().backward()
    finally:
        torch.distributed.destroy_process_group()


class HalfUsed(nn.Module):
    """Two layers, of which the second is not used."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x):
        return self.used(x)


def work_dir_in_use(folder):
    code = (
        'import sys\n'
        'from mmmap.engine.work_dir_lock import lock_work_dir\n'
        'with lock_work_dir(sys.argv[1]):\n'
        "    print('locked', flush=True)\n"
        '    sys.stdin.read()\n'
    )
    other = subprocess.Popen(
        [sys.executable, '-c', code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        while other.stdout.readline() != 'locked\n':
            assert other.poll() is None
        with lock_work_dir(folder):
            pass
    finally:
        other.communicate()


def machines_that_do_not_meet(folder):
    with _network_advice():
        raise torch.distributed.DistNetworkError('connect failed')


def damaged_checkpoint(folder):
    path = folder / 'weights.pth'
    torch.save(dict(state_dict=dict(a=torch.ones(1000))), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    read_checkpoint(path)


def backend_that_cannot_run(folder):
    x, b = torch.ones(1, 2, 4), torch.ones(1, 3, 4)
    selective_scan(x, x, -torch.ones(2, 3), b, b, backend='mamba_ssm')


def no_image(folder):
    from mmcv.transforms import LoadImageFromFile

    path = folder / 'a.png'
    path.write_text('no image')
    LoadImageFromFile()(dict(img_path=str(path)))


def bad_file(folder):
    from mmcv.transforms import LoadImageFromFile

    path = folder / 'a.png'
    path.write_text('no image')
    CheckedPipeline([LoadImageFromFile()])(dict(img_path=str(path)))


def empty_file(folder):
    cv2.imdecode(np.zeros(0, np.uint8), cv2.IMREAD_COLOR)


def operator_not_in_python(folder):
    load_extension().box_iou_rotated(torch.zeros(1, 5), torch.zeros(1, 5))


def torchvision_of_another_torch(folder):
    load_extension()
    requirement = sys.modules['mmcv_ops_torchvision.requirement']
    with mock.patch.dict(sys.modules, torchvision=None):
        requirement.check_torchvision()
