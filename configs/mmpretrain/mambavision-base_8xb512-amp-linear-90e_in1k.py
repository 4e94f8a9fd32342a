# Linear probing of MambaVision-B on ImageNet-1K, 224 px, after MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/mambavision-base_8xb512-amp-linear-90e_in1k.py 8
#
# Options: README.md.
_base_ = 'hybridnet-tiny_8xb512-amp-linear-90e_in1k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MambaVision',
        arch='base',
        out_type='avg_featmap',
        frozen_stages=4,
        init_cfg=dict(
            type='Pretrained',
            checkpoint=(
                'work_dirs/map_mambavision-base_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            ),
            prefix='backbone.',
        ),
    ),
    neck=dict(input_features=1024),
    head=dict(in_channels=1024),
)
