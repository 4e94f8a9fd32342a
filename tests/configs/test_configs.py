"""Every config that ships: its name, its parts, a training step, its data."""

import copy
import functools
import json
import re

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope

from mmmap.datasets.config_datasets import set_data_root
from mmmap.models.backbones import HybridNet, MambaVision
from mmmap.testing import shrink
from tests.configs.batches import batch_of, two_views
from tests.helpers import REPO, each

SIZE = 64
CONFIGS = {
    str(path.relative_to(REPO / 'configs')): path
    for path in sorted((REPO / 'configs').rglob('*.py'))
    # Those on points have a test of their own, test_points.py.
    if not {'_base_', 'own', 'points'} & set(path.relative_to(REPO).parts)
}
# Those whose names follow OpenMMLab's grammar.
NAMED = [name for name in CONFIGS if name.startswith('mm')]
ARCHS = 'tiny|small|base|large|large2|huge'
# Built small, all sizes of a model are the same: one of them.
RECIPES = {re.sub(f'-({ARCHS})_', '_', name): name for name in CONFIGS}
EACH_RECIPE = pytest.mark.parametrize('name', RECIPES.values())

# Channels, millions of parameters of the encoder: the paper's and published
# ones; ViTs without a head and a class token, MambaVision without its head.
SIZES = {
    'hybridnet-tiny': (192, 9.33),
    'hybridnet-small': (384, 34.88),
    'hybridnet-base': (768, 134.64),
    'hybridnet-large': (1024, 473.4),
    'hybridnet-huge': (1536, 792.5),
    'vit-base': (768, 85.8),
    'vit-large': (1024, 303.3),
    'mamba-base': (768, 96.83),
    'mambavision-base': (1024, 97.69 - 1.025),
    'mambavision-large2': (1568, 241.55 - 1.569),
}
TYPES = {
    'map_': 'MAP',
    'mae_': 'MAP',
    'ar_': 'MAP',
    'mocov3_': 'MoCoV3',
    'hybridnet-': 'ImageClassifier',
    'vit-': 'ImageClassifier',
    'mamba-': 'ImageClassifier',
    'mambavision-': 'ImageClassifier',
    'upernet_': 'EncoderDecoder',
    'mask-rcnn_': 'MaskRCNN',
    'cascade-mask-rcnn_': 'CascadeRCNN',
    'mask2former_': 'EncoderDecoder',
    'segformer_': 'EncoderDecoder',
    'linear_': 'EncoderDecoder',
    'retinanet_': 'RetinaNet',
    'dino-4scale_': 'DINO',
}
HEADS = {
    'upernet_': 'UPerHead',
    'mask2former_': 'Mask2FormerHead',
    'segformer_': 'SegformerHead',
    'linear_': 'FCNHead',
}
# In parts of a file's name.
CLASSES = {'ade20k': 150, 'cityscapes': 19, 'camvid': 11, 'coco': 80}
EPOCHS = {'1x': 12, '3x': 36}


@functools.cache
def parsed(path):
    return Config.fromfile(path)


def config_of(name):
    """A copy of a config, in whose library's scope it is left."""
    config = copy.deepcopy(parsed(REPO / 'configs' / name))
    init_default_scope(config.default_scope)
    return config


@functools.cache
def built_on_meta(name):
    """The model in its full size, without memory for its weights."""
    with torch.device('meta'):
        return MODELS.build(config_of(name).model)


def unwrapped(dataset):
    """The data set inside those that repeat or select."""
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset


def optimizer_of(config, model):
    options = {**config.optim_wrapper, 'type': 'OptimWrapper'}
    options.pop('dtype', None)
    return build_optim_wrapper(model, options)


def size_in(name):
    """The size that a name tells; UPerNet's main config is the paper's S."""
    sizes = re.findall(f'-({ARCHS})_', name)
    assert len(sizes) <= 1
    return sizes[0] if sizes else 'small'


def kind_in(name):
    """The backbone that a name tells, with its size."""
    kinds = re.findall(r'(?:/|_|-)(vit|mamba|mambavision)-', name)
    return f'{kinds[0] if kinds else "hybridnet"}-{size_in(name)}'


def pattern_in(name):
    """The order of blocks that a name tells, once."""
    order = re.search('-([mt]{8})-', name)
    kinds = dict(vit='T', mamba='M', hybridnet='MMMT')
    return order[1].upper() if order else kinds[kind_in(name).split('-')[0]]


def classes_of(model):
    """Of a config's model, however its head is nested."""
    if 'decode_head' in model:
        return model.decode_head.num_classes
    if 'roi_head' in model:
        return model.roi_head.mask_head.num_classes
    if 'bbox_head' in model:
        return model.bbox_head.num_classes
    return model.head.get('num_classes', 10)


def widths_of(model):
    """What the parts behind the backbone take in."""
    neck = model.get('neck')
    if neck:
        yield neck.get('in_channels', neck.get('input_features'))
    if model.type == 'MoCoV3':
        assert model.head.predictor.in_channels == neck.out_channels
        return
    if 'grid' in model.get('decoder', {}):
        yield model.decoder.in_channels
        assert model.head.in_channels == model.decoder.embed_dims
    elif 'head' in model:
        yield model.head.in_channels
    if 'decode_head' in model:
        yield model.decode_head.in_channels
    if model.get('auxiliary_head'):
        widths = model.decode_head.in_channels
        head = model.auxiliary_head
        assert head.in_channels == widths[head.in_index]


def maps_of(backbone):
    """Channels of each of a backbone's outputs."""
    if isinstance(backbone, MambaVision):
        return [backbone.widths[i] for i in backbone.out_indices]
    return [backbone.embed_dims] * len(backbone.out_indices)


def width_of(backbone):
    """Channels of a backbone's last output."""
    return maps_of(backbone)[-1]


def blocks_of(backbone):
    """How many blocks a backbone has."""
    if isinstance(backbone, MambaVision):
        return sum(backbone.depths)
    return len(backbone.pattern)


def ends_of(backbone):
    """A weight before the first block, and one of the last block."""
    if isinstance(backbone, MambaVision):
        return 'stem.0.weight', 'stages.3.blocks.4.norm1.bias'
    norm = 'norm1.bias' if backbone.pattern[-1] == 'T' else 'norm.weight'
    last = len(backbone.pattern) - 1
    return 'patch_embed.proj.bias', f'layers.{last}.{norm}'


def encoder_of(backbone):
    """Parameters of an encoder, as if for classification at 224 px."""
    # Position embeddings of other sizes, norms of more outputs, and what
    # pretraining has: the same blocks.
    extra = ('pos_embed.', 'norm.', 'out_norms.', 'mask_token')
    blocks = sum(
        p.numel()
        for n, p in backbone.named_parameters()
        if not n.startswith(extra)
    )
    dims = width_of(backbone)
    if isinstance(backbone, MambaVision):
        return blocks + 2 * dims
    return blocks + 196 * dims + dims


@each(CONFIGS)
def test_guards_and_imports_are_kept(name):
    config = config_of(name)
    assert config.custom_imports.imports[0] == 'mmmap'
    hooks = {hook.type for hook in config.custom_hooks}
    assert {'CheckpointGuardHook', 'NaNGuardHook', 'BatchFeedHook'} <= hooks
    assert config.default_scope in ('mmpretrain', 'mmseg', 'mmdet')
    # Clipping also puts the gradient's norm into the log.
    assert 'clip_grad' in config.optim_wrapper or '-linear-' in name


@each(NAMED)
def test_heads_classes_and_data_agree(name):
    config = config_of(name)
    stem, data = name.split('/')[1], name.rpartition('_')[2]
    classes = CLASSES.get(re.split(r'[-.]', data)[0])
    dataset = config.get('val_dataloader', {}).get('dataset', {})
    if data.startswith('own'):
        classes = len(dataset.metainfo.classes)
        assert len(dataset.metainfo.palette) == classes
    if classes:
        assert set(numbers_of_classes(config.model)) == {classes}
        known = dataset.get('metainfo', {}).get('classes', range(classes))
        assert len(known) == classes
    head = next((HEADS[h] for h in HEADS if stem.startswith(h)), None)
    if head:
        assert config.model.decode_head.type == head
    pixels = re.search(r'-(\d+)x(\d+)\.py', name)
    if pixels:
        crop = tuple(map(int, pixels.groups()))
        assert tuple(config.model.data_preprocessor.size) == crop
        assert tuple(config.model.test_cfg.crop_size) == crop
        steps = unwrapped(config.train_dataloader.dataset).pipeline
        (found,) = [s.crop_size for s in steps if s.type == 'RandomCrop']
        assert tuple(found) == crop


def numbers_of_classes(node):
    """Every num_classes below a node."""
    if isinstance(node, list | tuple):
        for item in node:
            yield from numbers_of_classes(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == 'num_classes':
                yield value
            else:
                yield from numbers_of_classes(value)


@each(NAMED)
def test_header_gives_command_and_score(name):
    header = CONFIGS[name].read_text().split('_base_')[0].replace('\\\n#', '')
    command = rf'tools/dist_train.sh +configs/{re.escape(name)} 8\n'
    assert re.search(command, header)
    assert 'Paper: ' in header
    assert 'Expected time: ' in header


@each(NAMED)
def test_name_tells_the_content(name):
    config = config_of(name)
    stem = name.split('/')[1]
    model = config.model
    kind = next(kind for kind in TYPES if stem.startswith(kind))
    assert model.type == TYPES[kind]
    if isinstance(model.backbone.arch, str):
        assert model.backbone.arch == size_in(name)
    backbone = built_on_meta(name).backbone
    assert isinstance(backbone, MambaVision) is ('mambavision-' in stem)
    if isinstance(backbone, HybridNet):
        once = pattern_in(name)
        assert backbone.pattern == once * (len(backbone.pattern) // len(once))
    # A ViT's residuals are the usual ones.
    assert (model.backbone.get('attention') == 'residual') is ('vit-' in stem)
    amp = config.optim_wrapper.get('dtype') == 'bfloat16'
    assert ('-amp-' in stem) is amp
    assert amp is (config.optim_wrapper.type == 'AmpOptimWrapper')

    batch = re.search(r'_(\d+)xb(\d+)-', stem)
    gpus, images = map(int, batch.groups()) if batch else (8, 4)
    assert config.train_dataloader.batch_size == images
    assert config.auto_scale_lr.base_batch_size == gpus * images
    epochs = re.search(r'-(\d+e|\dx)_', stem)
    if epochs:
        length = epochs[1]
        epochs = EPOCHS.get(length) or int(length.rstrip('e'))
        assert config.train_cfg.max_epochs == epochs
        last = config.param_scheduler[-1]
        assert last.get('end', epochs) == epochs
        assert max(last.get('milestones', [0])) < epochs
    else:
        length = re.search(r'-(\d+)k_', stem)
        iters = int(length[1]) * 1000 if length else 60000
        assert config.train_cfg.max_iters == iters
        assert config.param_scheduler[-1].end == iters
    if '_in1k' in stem:
        pixels = 384 if '-384px' in stem else 224
        assert model.backbone.get('img_size', pixels) == pixels
        crop = config.train_dataloader.dataset.pipeline[1]
        if crop.type == 'MultiView':
            (crop, *_), _ = crop.transforms
        assert (crop.type, crop.scale) == ('RandomResizedCrop', pixels)
    linear = '-linear-' in stem or stem.startswith('linear_')
    frozen = model.backbone.get('frozen_stages', -1)
    assert linear is (frozen > 0)
    if linear:
        assert all(not p.requires_grad for p in backbone.parameters())


@each(NAMED)
def test_fine_tuning_starts_from_the_pretraining_of_its_size(name):
    config = config_of(name)
    init = config.model.backbone.get('init_cfg')
    scratch = not re.search('-(ft|linear)-', name)
    pretrains = config.model.type in ('MAP', 'MoCoV3')
    if pretrains or (scratch and config.model.type == 'ImageClassifier'):
        assert init is None
        return
    work_dir, stem, file = init.checkpoint.split('/')
    pretraining = config_of(f'mmpretrain/{stem}.py')
    assert work_dir == 'work_dirs'
    assert pretraining.model.backbone.arch == config.model.backbone.arch
    for model in (pretraining.model, config.model):
        model.backbone.setdefault('attention', 'published')
    assert (
        pretraining.model.backbone.attention == config.model.backbone.attention
    )
    assert file == f'epoch_{pretraining.train_cfg.max_epochs}.pth'
    assert init.prefix == 'backbone.'


@each(CONFIGS)
def test_widths_fit(name):
    maps = maps_of(built_on_meta(name).backbone)
    for widths in widths_of(config_of(name).model):
        if isinstance(widths, int):
            assert widths == maps[-1]
        else:
            assert list(widths) == maps


@each(NAMED)
def test_full_size_and_learning_rates(name):
    config = config_of(name)
    model = built_on_meta(name)
    dims, millions = SIZES[kind_in(name)]
    assert width_of(model.backbone) == dims
    encoder = encoder_of(model.backbone)
    assert encoder / 1e6 == pytest.approx(millions, rel=5e-4)

    names = {id(p): n for n, p in model.named_parameters()}
    wrapper = optimizer_of(config, model)
    rates = {
        names[id(p)]: group['lr']
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }
    learned = {n for n, p in model.named_parameters() if p.requires_grad}
    assert rates.keys() == learned
    base = config.optim_wrapper.optimizer.lr
    outside = {lr for n, lr in rates.items() if not n.startswith('backbone.')}
    assert outside == {base}
    if config.model.backbone.get('frozen_stages', -1) > 0:
        assert not [n for n in rates if n.startswith('backbone.')]
        return
    paramwise = config.optim_wrapper.get('paramwise_cfg', {})
    rate = paramwise.get('layer_decay_rate', 1.0)
    depth = blocks_of(model.backbone)
    first, last = ends_of(model.backbone)
    assert rates[f'backbone.{first}'] == pytest.approx(
        base * rate ** (depth + 1)
    )
    assert rates[f'backbone.{last}'] == pytest.approx(base * rate)
    assert rates['backbone.norm.weight'] == pytest.approx(base)


@EACH_RECIPE
def test_training_step(name):
    """Of the config built small: a gradient for all, and it learns."""
    torch.manual_seed(0)
    np.random.seed(0)
    config = config_of(name)
    size = SIZE - SIZE % config.model.backbone.get('patch_size', 1)
    config = shrink(config, size)
    model = MODELS.build(config.model)
    model.init_weights()
    model.train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    batch = batch_of(config.default_scope, size, classes_of(config.model))
    if config.model.type == 'MoCoV3':
        batch = two_views(batch)
        MessageHub.get_current_instance().update_info('max_iters', 10)

    data = model.data_preprocessor(batch, True)
    with torch.autocast('cpu', torch.bfloat16, enabled='-amp-' in name):
        losses = model(**data, mode='loss')
    loss, _ = model.parse_losses(losses)
    assert loss.isfinite()
    wrapper.backward(loss)
    learned = {n: p for n, p in model.named_parameters() if p.requires_grad}
    for parameter, value in learned.items():
        assert value.grad is not None, parameter
        assert value.grad.isfinite().all(), parameter
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    wrapper.step()
    moved = {
        n for n, p in model.named_parameters() if not torch.equal(before[n], p)
    }
    assert moved
    if config.model.backbone.get('frozen_stages', -1) > 0:
        assert all(n.startswith(('head.', 'decode_head.')) for n in moved)


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
