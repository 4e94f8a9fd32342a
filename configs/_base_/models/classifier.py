# A linear layer on the mean of HybridNet-T's tokens. Another size changes
# `arch`, `head.in_channels` and the checkpoint.
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        num_classes=1000,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    backbone=dict(
        type='HybridNet',
        arch='tiny',
        img_size=224,
        out_type='avg_featmap',
        init_cfg=dict(
            type='Pretrained',
            checkpoint=(
                'work_dirs/map_hybridnet-tiny_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            ),
            prefix='backbone.',
        ),
    ),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=192,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=2e-5),
    ),
)
