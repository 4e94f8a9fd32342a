"""A small config and a checkpoint of each library, of random weights."""

from types import SimpleNamespace

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmmap.testing import shrink
from tests.helpers import REPO

CONFIGS = dict(
    mmpretrain='mmpretrain/hybridnet-tiny_8xb128-amp-ft-400e_in1k.py',
    mmseg='mmseg/upernet_map-small_8xb2-20k_own-512x512.py',
    mmdet='mmdet/mask-rcnn_map-tiny_8xb2-1x_own.py',
)
CLASSES = dict(
    mmpretrain=tuple(f'kind {index}' for index in range(1000)),
    mmseg=('ground', 'cat', 'dog'),
    mmdet=('cat', 'dog'),
)
PALETTE = [(10, 20, 30), (220, 20, 60), (0, 130, 180)]


def tiny_model(library, folder):
    """Write both; return their paths, the model and the config."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = shrink(Config.fromfile(REPO / 'configs' / CONFIGS[library]), 64)
    for step in config.test_dataloader.dataset.pipeline:
        if step.type == 'Resize':
            step.scale = (64, 64)
        if step.type in ('ResizeEdge', 'CenterCrop'):
            step['scale' if 'scale' in step else 'crop_size'] = 64
    if library == 'mmdet':
        config.model.test_cfg.rcnn.score_thr = 0.0
    init_default_scope(library)
    model = MODELS.build(config.model).eval()
    model.init_weights()
    classes = CLASSES[library]
    meta = dict(classes=classes, palette=PALETTE[: len(classes)])
    checkpoint = folder / f'{library}.pth'
    torch.save(
        dict(state_dict=model.state_dict(), meta=dict(dataset_meta=meta)),
        checkpoint,
    )
    path = folder / f'{library}.py'
    config.dump(path)
    return SimpleNamespace(
        config=str(path), checkpoint=str(checkpoint), model=model
    )
