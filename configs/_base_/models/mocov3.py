# MoCo v3 on HybridNet-T: the mean of the tokens, a projector and a predictor.
# Another size changes `arch` and `neck.in_channels`.
mlp = dict(
    type='NonLinearNeck',
    hid_channels=4096,
    out_channels=256,
    with_last_bn_affine=False,
    with_avg_pool=False,
    norm_cfg=dict(type='BN1d'),
)
model = dict(
    type='MoCoV3',
    base_momentum=0.01,
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='HybridNet', arch='tiny', img_size=224, out_type='avg_featmap'
    ),
    neck=dict(in_channels=192, num_layers=3, **mlp),
    head=dict(
        type='MoCoV3Head',
        predictor=dict(in_channels=256, num_layers=2, **mlp),
        # Twice the temperature, as in MoCo v3.
        loss=dict(type='CrossEntropyLoss', loss_weight=0.4),
        temperature=0.2,
    ),
)
# Several GPUs normalise over the whole batch.
sync_bn = 'torch'
