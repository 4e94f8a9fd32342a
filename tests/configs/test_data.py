"""The data of every config: pipelines and paths."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from mmmap.datasets.config_datasets import set_data_root
from tests.configs.shipped import CONFIGS, config_of, unwrapped
from tests.helpers import each


def pipelines():
    """A config and split for each pipeline, with what is expected of it."""
    found = {}
    for name in CONFIGS:
        config = config_of(name)
        for split in ('train', 'val'):
            loader = config.get(f'{split}_dataloader')
            if loader is None:
                assert config.model.type in ('MAP', 'MoCoV3')
                continue
            about = (
                unwrapped(loader.dataset).pipeline,
                config.model.backbone.get('img_size'),
                config.model.data_preprocessor.get('size'),
                config.model.type == 'MoCoV3',
                '-lsj-' in name,
            )
            key = json.dumps([config.default_scope, split, about])
            found.setdefault(key, (name, split))
    return found.values()


def picture(folder):
    """A picture, with all that a pipeline of any library asks for."""
    height, width = 200, 300
    image, labels = folder / 'image.jpg', folder / 'labels.png'
    noise = np.random.default_rng(0).integers(256, size=(height, width, 3))
    cv2.imwrite(str(image), noise.astype(np.uint8))
    cv2.imwrite(str(labels), noise[..., 0].astype(np.uint8) % 11)
    box = [50, 40, 200, 160]
    outline = [50, 40, 200, 40, 200, 160, 50, 160]
    instance = dict(bbox=box, bbox_label=1, mask=[outline], ignore_flag=0)
    return dict(
        img_path=str(image),
        img_id=0,
        height=height,
        width=width,
        gt_label=1,
        seg_map_path=str(labels),
        seg_fields=[],
        label_map=None,
        reduce_zero_label=True,
        instances=[instance],
    )


@pytest.mark.parametrize(('name', 'split'), pipelines())
def test_pipeline_on_a_picture(name, split, tmp_path):
    config = config_of(name)
    loader = config[f'{split}_dataloader']
    item = Compose(unwrapped(loader.dataset).pipeline)(picture(tmp_path))
    inputs = item['inputs']
    if config.model.type == 'MoCoV3':
        inputs, other = inputs
        assert other.shape == inputs.shape
        assert not torch.equal(other, inputs)
    assert inputs.dtype == torch.uint8
    if config.default_scope == 'mmpretrain':
        pixels = config.model.backbone.get('img_size', 224)
        assert inputs.shape == (3, pixels, pixels)
    elif config.default_scope == 'mmseg' and split == 'train':
        # What is smaller than a crop is padded later.
        crop = config.model.data_preprocessor.size
        assert inputs.shape[1] <= crop[0]
        assert inputs.shape[2] <= crop[1]
    elif '-lsj-' in name:
        assert inputs.shape == (3, 1024, 1024)


def paths_of(config):
    """What loaders and metrics read, data/..., by where the config says so."""
    found = {}

    def look(node, place):
        if isinstance(node, str) and f'{node}/'.startswith('data/'):
            found[place] = node.rstrip('/')
        elif isinstance(node, dict | list | tuple):
            parts = node if isinstance(node, dict) else range(len(node))
            for key in parts:
                look(node[key], f'{place}.{key}')

    for key, value in config.to_dict().items():
        if key.endswith(('_dataloader', '_evaluator')):
            look(value, key)
    return found


@each(CONFIGS)
def test_data_root_moves_everything(name):
    """Data sets, and annotations that metrics read."""
    config = config_of(name)
    before = paths_of(config)
    set_data_root(config, 'elsewhere')
    assert paths_of(config) == {}
    # All data of a config lie in one folder.
    dataset = unwrapped(config_of(name).train_dataloader.dataset)
    root = dataset.data_root.rstrip('/')
    assert set(before.values()) >= {root}
    for place, path in before.items():
        node = config
        for key in place.split('.'):
            node = node[int(key) if key.isdigit() else key]
        assert node == path.replace(root, 'elsewhere', 1)
    annotated = [p for p in before if p.endswith('.ann_file')]
    assert bool(annotated) is (config.default_scope == 'mmdet')
