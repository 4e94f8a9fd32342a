# What detectors share: HybridNet-T for images of 1024 px and a simple feature
# pyramid. Another size changes `arch`, `neck.in_channels` and the checkpoint.
model = dict(
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type='mmpretrain.HybridNet',
        arch='tiny',
        img_size=1024,
        drop_path_rate=0.1,
        # 4,096 tokens an image: memory is scarcer than time.
        with_cp=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint=(
                'work_dirs/map_hybridnet-tiny_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            ),
            prefix='backbone.',
        ),
    ),
    neck=dict(
        type='mmpretrain.SimpleFeaturePyramid',
        in_channels=192,
        out_channels=256,
        out_strides=(4, 8, 16, 32),
        num_outs=5,
    ),
)
