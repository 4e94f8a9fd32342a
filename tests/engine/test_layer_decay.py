import pytest
from mmdet.registry import MODELS as DETECTORS
from mmengine.optim import MultiStepLR, build_optim_wrapper
from mmpretrain.registry import MODELS as CLASSIFIERS
from mmseg.registry import MODELS as SEGMENTORS
from torch import nn

from tests.models.tiny import tiny_map
from tests.models.tiny_points import tiny_classifier

LR, DECAY, RATE = 1e-3, 0.05, 0.8
BACKBONE = dict(
    type='mmpretrain.HybridNet',
    arch=dict(embed_dims=16, pattern='MMT', num_heads=2, d_state=4),
    img_size=32,
)


def classifier(**backbone):
    return CLASSIFIERS.build(
        dict(
            type='ImageClassifier',
            backbone=BACKBONE | dict(out_type='avg_featmap') | backbone,
            head=dict(type='LinearClsHead', num_classes=3, in_channels=16),
        )
    )


def segmentor():
    return SEGMENTORS.build(
        dict(
            type='EncoderDecoder',
            backbone=BACKBONE | dict(out_indices=(0, 2)),
            neck=dict(
                type='mmpretrain.MultiDepthFeaturePyramid',
                in_channels=16,
                out_strides=(8, 16),
            ),
            decode_head=dict(
                type='FCNHead',
                in_channels=16,
                in_index=1,
                channels=8,
                num_classes=3,
                norm_cfg=dict(type='BN'),
            ),
        )
    )


def detector():
    return DETECTORS.build(
        dict(
            type='RetinaNet',
            backbone=BACKBONE,
            neck=dict(
                type='mmpretrain.SimpleFeaturePyramid',
                in_channels=16,
                out_channels=8,
            ),
            bbox_head=dict(
                type='RetinaHead',
                num_classes=3,
                in_channels=8,
                feat_channels=8,
                stacked_convs=1,
                norm_cfg=dict(type='GN', num_groups=2),
            ),
        )
    )


MODELS = [classifier, segmentor, detector, tiny_map]


def optimizer_of(model, **paramwise):
    return build_optim_wrapper(
        model,
        dict(
            type='OptimWrapper',
            optimizer=dict(type='AdamW', lr=LR, weight_decay=DECAY),
            constructor='LayerDecayOptimWrapperConstructor',
            paramwise_cfg=paramwise,
        ),
    )


def options_of(model, **paramwise):
    """Learning rate and weight decay of every parameter, by name."""
    names = {id(p): name for name, p in model.named_parameters()}
    options = [
        (names[id(p)], (group['lr'], group['weight_decay']))
        for group in optimizer_of(model, **paramwise).optimizer.param_groups
        for p in group['params']
    ]
    assert len(options) == len(dict(options))
    return dict(options)


NORMS = (
    nn.LayerNorm,
    nn.RMSNorm,
    nn.GroupNorm,
    nn.modules.batchnorm._BatchNorm,
)


def expected_decay(model, name):
    """By the kind of module that holds it."""
    owner, _, leaf = name.rpartition('.')
    exempt = (
        leaf in ('bias', 'A_log', 'D', 'mask_token')
        or 'pos_embed' in owner
        or isinstance(model.get_submodule(owner), NORMS)
    )
    return 0 if exempt else DECAY


def expected_lr(name, rate):
    """Embeddings 0.8^4, three blocks 0.8^3 to 0.8, the rest in full."""
    depths = {
        'backbone.patch_embed': 4,
        'backbone.pos_embed': 4,
        'backbone.layers.0': 3,
        'backbone.layers.1': 2,
        'backbone.layers.2': 1,
    }
    for begin, steps in depths.items():
        if name.startswith(f'{begin}.'):
            return LR * rate**steps
    return LR


@pytest.mark.parametrize('build', MODELS)
@pytest.mark.parametrize('rate', [RATE, 1.0])
def test_every_parameter_of(build, rate):
    model = build()
    options = options_of(model, layer_decay_rate=rate)
    assert options.keys() == dict(model.named_parameters()).keys()
    for name, (lr, decay) in options.items():
        assert lr == pytest.approx(expected_lr(name, rate)), name
        assert decay == expected_decay(model, name), name
    assert {decay for _, decay in options.values()} == {0, DECAY}


def test_known_names():
    """A few, spelled out."""
    options = options_of(classifier(), layer_decay_rate=RATE)
    exact = {
        'backbone.pos_embed.weight': (LR * RATE**4, 0),
        'backbone.patch_embed.proj.weight': (LR * RATE**4, DECAY),
        'backbone.layers.0.mixer.ssm_forward.A_log': (LR * RATE**3, 0),
        'backbone.layers.0.mixer.ssm_backward.D': (LR * RATE**3, 0),
        'backbone.layers.1.mixer.in_proj.weight': (LR * RATE**2, DECAY),
        'backbone.layers.2.norm1.weight': (LR * RATE, 0),
        'backbone.layers.2.attn.qkv.bias': (LR * RATE, 0),
        'backbone.norm.weight': (LR, 0),
        'head.fc.weight': (LR, DECAY),
        'head.fc.bias': (LR, 0),
    }
    for name, expected in exact.items():
        assert options[name] == pytest.approx(expected), name


def test_frozen_parameters_are_left_out():
    model = classifier(frozen_stages=1)
    options = options_of(model, layer_decay_rate=RATE)
    learned = {n for n, p in model.named_parameters() if p.requires_grad}
    assert options.keys() == learned
    assert not [name for name in options if 'pos_embed' in name]


def test_custom_keys_come_on_top():
    keys = {'head': dict(lr_mult=10.0), 'qkv.weight': dict(decay_mult=0.5)}
    options = options_of(classifier(), layer_decay_rate=RATE, custom_keys=keys)
    assert options['head.fc.weight'] == pytest.approx((10 * LR, DECAY))
    assert options['backbone.layers.2.attn.qkv.weight'] == pytest.approx(
        (LR * RATE, DECAY / 2)
    )


@pytest.mark.filterwarnings('ignore:Detected call of')
def test_schedulers_scale_every_group():
    wrapper = optimizer_of(classifier(), layer_decay_rate=RATE)
    groups = wrapper.optimizer.param_groups
    before = [group['lr'] for group in groups]
    assert len(set(before)) == 5
    scheduler = MultiStepLR(wrapper, milestones=[1], gamma=0.1)
    scheduler.step()
    after = [group['lr'] for group in groups]
    assert after == pytest.approx([0.1 * lr for lr in before])


@pytest.mark.parametrize(
    ('paramwise', 'message'),
    [
        (dict(layer_decay_rate=0), r'must be in \(0, 1\], got 0'),
        (dict(layer_decay_rate=1.1), r'must be in \(0, 1\], got 1.1'),
        (dict(norm_decay_mult=0), r"unknown paramwise_cfg \['norm_decay"),
    ],
)
def test_wrong_options(paramwise, message):
    with pytest.raises(ValueError, match=message):
        options_of(classifier(), **paramwise)


def test_backbone_without_depths():
    model = nn.Module()
    model.backbone = nn.Linear(2, 2)
    with pytest.raises(ValueError, match='get_layer_depth; Module has Linear'):
        options_of(model, layer_decay_rate=RATE)
    assert options_of(model)['backbone.weight'] == (LR, DECAY)


def test_class_token_of_points_is_not_decayed():
    model = tiny_classifier()
    wrapper = build_optim_wrapper(
        model,
        dict(
            constructor='LayerDecayOptimWrapperConstructor',
            optimizer=dict(type='AdamW', lr=LR, weight_decay=DECAY),
            paramwise_cfg=dict(layer_decay_rate=RATE),
        ),
    )
    names = {id(p): n for n, p in model.named_parameters()}
    groups = {
        names[id(p)]: (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }
    assert groups.keys() == set(names.values())
    first = pytest.approx(LR * RATE**4)
    assert groups['backbone.cls_token'] == (first, 0)
    assert groups['backbone.cls_position'] == (first, 0)
    assert groups['backbone.position.0.weight'] == (first, DECAY)
    scale = groups['backbone.layers.2.local.scale']
    assert scale == (pytest.approx(LR * RATE), 0)
    assert groups['head.layers.0.weight'] == (LR, DECAY)
