"""The parts of a run's ``config.py``, for :meth:`str.format`."""

HEAD = """\
# Written by `mmmap {task}`, yours to edit. To continue or repeat:
#   python tools/train.py {config} --resume
# It inherits from: {base}
_base_ = 'mmmap::_base_/folders/{task}.py'

work_dir = {work_dir}
images = {images!r}
"""
NETWORK = """
backbone = dict(
    arch={arch},
    img_size={crop},
    patch_size={patch},
    pos_embed='{pos_embed}',{rest}
)
"""
MAMBA_VISION = """
backbone = dict(
    _delete_=True,
    type='mmpretrain.MambaVision',
    arch={arch},{rest}
)
"""
# MambaVision has maps of four strides already, so a plain FPN is enough.
FPN = """
        _delete_=True,
        type='FPN',
        in_channels={stages},
        out_channels={heads},
        num_outs={outs},"""
SIMPLE = """
        in_channels={channels},
        out_channels={heads},
        stride={patch},
        out_strides={pyramid},"""
LOADER = """
loader = dict(
    batch_size={batch},
    num_workers={workers},
    persistent_workers={persistent},
)
"""
SCHEDULE = """\
optim_wrapper = dict(
    optimizer=dict(lr={lr}),
    paramwise_cfg=dict(layer_decay_rate={layer_decay}),
)
train_cfg = dict(max_epochs={epochs}{val_interval})
"""

# Data loaders of all tasks; each task fills in PLACE, STEPS and DATA.
TRAIN = """train_dataloader = dict(
    **loader,
    dataset=dict(
        times={repeat},
        dataset=dict(PLACE
            pipeline=[STEPS
            ],DATA
        ),
    ),
)
"""
VAL = """val_dataloader = dict(BATCH
    num_workers=loader['num_workers'],
    persistent_workers=loader['persistent_workers'],
    dataset=dict(PLACE
        pipeline=[STEPS
        ],
        **data,
    ),
)
test_dataloader = val_dataloader
"""
CHANNELS = """
# All channels and bits are read. Means and deviations are those of the images,
# {order}.
load = dict(type='LoadImageChannels', channels={inputs}, dtype={dtype!r})
normal = dict(
    mean={mean},
    std={std},
    {swapped}={swap},
)
"""


def _loaders(
    train: str, steps: str, val: str = '', val_steps: str = '', batch: str = ''
) -> str:
    """Loaders of a task: its lines, each indented as in the result."""
    data = '\n            **data,' if val else ''
    text = TRAIN.replace('PLACE', train).replace('STEPS', steps)
    text = text.replace('DATA', data)
    if val:
        text += (
            VAL.replace('PLACE', val)
            .replace('STEPS', val_steps)
            .replace('BATCH', batch)
        )
    return text


PRETRAIN = """
model = dict({normal}
    backbone=backbone,
    decoder=dict(
        in_channels={channels},
        grid={grid},
        pos_embed='sincos',
        {decoder},
    ),
    target_generator=dict(patch_size={patch}),
    head=dict(in_channels={decoder_dims}, patch_size={patch}{outputs}),
)
""" + _loaders(
    """
            data_prefix=images,
            ann_file=f'{{work_dir}}/train.txt',""",
    """
                {load},
                dict(
                    _base_.cropping,
                    scale={crop},
                    crop_ratio_range=(0.4, 1.0),{backend}
                ),
                _base_.flip,
                _base_.pack,""",
)

SEGMENT = """
classes = {classes}
palette = {palette}
# Edge, in pixels, of tiles for images more than four times as large.
tile = {tile}
model = dict(
    data_preprocessor=dict(
        size=({crop}, {crop}),
        test_cfg=dict(size_divisor={patch}),{normal}
    ),
    backbone=backbone,
    neck={neck},
    decode_head=dict(
        in_channels={stages},
        channels={heads},
        num_classes=len(classes),
    ),
    auxiliary_head=dict(
        in_channels={third}, channels={heads}, num_classes=len(classes)
    ),
    test_cfg=dict(crop_size=({crop}, {crop}), stride=({stride}, {stride})),
)
scale = ({longest}, {edge})
data = dict(metainfo=dict(classes=classes, palette=palette))
""" + _loaders(
    """
            ann_file=f'{{work_dir}}/train.txt',
            data_prefix=dict(
                img_path=images, seg_map_path=f'{{work_dir}}/class_maps'
            ),""",
    """
                {load},
                _base_.annotate,
                dict(_base_.enlarge, scale=scale, ratio_range=(0.8, 1.6)),
                dict(_base_.crop, crop_size=({crop}, {crop})),
                _base_.flip,
{distort}                _base_.pack,""",
    """
        ann_file=f'{{work_dir}}/val.txt',
        data_prefix=dict(
            img_path={val_images}, seg_map_path=f'{{work_dir}}/class_maps'
        ),""",
    """
            {load}, dict(_base_.resize, scale=scale), *_base_.rest""",
)

DETECT = (
    """
classes = {classes}
# Edge, in pixels, of tiles for images more than four times as large.
tile = {tile}
model = dict(
    {kind}backbone=backbone,
    neck=dict({neck}
    ),
    rpn_head=dict(in_channels={heads}, feat_channels={heads}),
    roi_head=dict(
        bbox_roi_extractor=dict(
            out_channels={heads}, featmap_strides={pyramid}
        ),
        bbox_head=dict({box_head}
            in_channels={heads},
            num_classes=len(classes),
        ),
        {masks}
    ),{sampling}
)
scale = ({longest}, {edge})
data = dict(metainfo=dict(classes=classes))
annotate = dict(type='LoadAnnotations', with_bbox=True, with_mask={with_masks})
"""
    + _loaders(
        """
            ann_file=f'{{work_dir}}/annotations/train.json',
            data_prefix=dict(img=images),""",
        """
                {load},
                annotate,
                dict(_base_.resize, scale=scale),
                _base_.flip,
                _base_.pack,""",
        """
        ann_file=f'{{work_dir}}/annotations/val.json',
        data_prefix=dict(img={val_images}),""",
        """
            {load},
            dict(_base_.resize_for_test, scale=scale),
            annotate,
            _base_.pack_for_test,""",
    )
    + """val_evaluator = dict(
    ann_file=f'{{work_dir}}/annotations/val.json', metric={metric}
)
test_evaluator = val_evaluator
"""
)

CLASSIFY = """
classes = {classes}
model = dict(
    data_preprocessor=dict(num_classes=len(classes){normal}),
    backbone=backbone,
    head=dict(in_channels={channels}, num_classes=len(classes)),
)
data = dict(metainfo=dict(classes=classes))
""" + _loaders(
    """
            data_prefix=images,
            ann_file=f'{{work_dir}}/train.txt',""",
    """
                {load},
                dict(
                    _base_.crop,
                    scale={crop},
                    crop_ratio_range=(0.25, 1.0),{backend}
                ),
                _base_.flip,
                _base_.pack,""",
    """
        data_prefix={val_images},
        ann_file=f'{{work_dir}}/val.txt',""",
    """
            {load},
            dict(_base_.resize, scale={larger}{and_backend}),
            dict(_base_.centre, crop_size={crop}),
            _base_.pack,""",
    '\n    batch_size={batch},',
)
BODIES = dict(
    pretrain=PRETRAIN, segment=SEGMENT, detect=DETECT, classify=CLASSIFY
)
# Smaller heads for a CPU: half the time of four convolutions.
BOX_HEAD = """
            type='Shared2FCBBoxHead',
            fc_out_channels=256,
            reg_class_agnostic=True,"""
SAMPLING = """
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=64),
        rcnn=dict(sampler=dict(num=32)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),"""
MASKS = """mask_roi_extractor=dict(
            out_channels={heads}, featmap_strides={pyramid}
        ),
        mask_head=dict({mini}
            in_channels={heads},
            conv_out_channels={heads},
            num_classes=len(classes),
        ),"""
MINI_MASK_HEAD = """
            num_convs=2,
            class_agnostic=True,"""
