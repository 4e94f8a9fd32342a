"""The name of a config says what is in it."""

import re

from mmmap.models.backbones import HybridNet, MambaVision
from tests.configs.shipped import (
    CONFIGS,
    NAMED,
    built_on_meta,
    config_of,
    kind_in,
    size_in,
    unwrapped,
)
from tests.helpers import each

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
CLASSES = {
    **{'ade20k': 150, 'cityscapes': 19, 'camvid': 11, 'coco': 80},
    'in1k': 1000,
}

EPOCHS = {'1x': 12, '3x': 36}


def pattern_in(name):
    """The order of blocks in a name, once."""
    order = re.search('-([mt]{8})-', name)
    kinds = dict(vit='T', mamba='M', hybridnet='MMMT')
    return order[1].upper() if order else kinds[kind_in(name).split('-')[0]]


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
def test_heads_classes_and_data_agree(name):
    config = config_of(name)
    stem, data = name.split('/')[1], name.rpartition('_')[2]
    classes = CLASSES.get(re.split(r'[-.]', data)[0])
    dataset = config.get('val_dataloader', {}).get('dataset', {})
    if data.startswith('own'):
        classes = len(dataset.metainfo.classes)
        assert len(dataset.metainfo.palette) == classes
    assert classes
    # Pretraining has no validation, and no classes.
    expected = {classes} if dataset else set()
    assert set(numbers_of_classes(config.model)) == expected
    if dataset:
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


@each(NAMED)
def test_header_gives_command_and_score(name):
    header = CONFIGS[name].read_text().split('_base_')[0].replace('\\\n#', '')
    command = rf'tools/dist_train.sh +configs/{re.escape(name)} 8\n'
    assert re.search(command, header)
    assert 'Paper: ' in header
    assert 'Expected time: ' in header


@each(NAMED)
def test_name_matches_the_model(name):
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
    linear = '-linear-' in stem or stem.startswith('linear_')
    frozen = model.backbone.get('frozen_stages', -1)
    assert linear is (frozen > 0)
    if linear:
        assert all(not p.requires_grad for p in backbone.parameters())


@each(NAMED)
def test_name_matches_the_schedule(name):
    config = config_of(name)
    stem = name.split('/')[1]
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
        assert config.model.backbone.get('img_size', pixels) == pixels
        crop = config.train_dataloader.dataset.pipeline[1]
        if crop.type == 'MultiView':
            (crop, *_), _ = crop.transforms
        assert (crop.type, crop.scale) == ('RandomResizedCrop', pixels)


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
