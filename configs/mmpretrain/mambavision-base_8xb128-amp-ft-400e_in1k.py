# MambaVision-B fine-tuned on ImageNet-1K, 224 px, 400 epochs, from MAP.
# Paper: 84.9 top-1. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/mambavision-base_8xb128-amp-ft-400e_in1k.py 8
#
# Options: README.md.
_base_ = 'hybridnet-tiny_8xb128-amp-ft-400e_in1k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MambaVision',
        arch='base',
        out_type='avg_featmap',
        drop_path_rate=0.2,
        init_cfg=dict(
            type='Pretrained',
            checkpoint=(
                'work_dirs/map_mambavision-base_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            ),
            prefix='backbone.',
        ),
    ),
    head=dict(in_channels=1024),
)
# 0.4 % for the stem also where there are 21 blocks.
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.78))
