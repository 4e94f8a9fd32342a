# HybridNet-B fine-tuned on ImageNet-1K, 384 px, 400 epochs, from MAP.
# Paper: 85.5 top-1. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/hybridnet-base_8xb128-amp-ft-400e_in1k-384px.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/classifier_finetune.py',
    '../_base_/datasets/imagenet_augmented-384px.py',
    '../_base_/schedules/finetune_400e.py',
    '../_base_/runtimes/mmpretrain.py',
]

model = dict(
    backbone=dict(
        arch='base',
        img_size=384,
        drop_path_rate=0.2,
        with_cp=True,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_hybridnet-base_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            )
        ),
    ),
    head=dict(in_channels=768),
)
