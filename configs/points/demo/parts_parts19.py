# Part segmentation, from the checkpoint of map_shapes69.py.
#
#   python tools/train.py configs/points/demo/parts_parts19.py \
#       --data-root DIR_OF_NPZ
_base_ = '_base_/parts.py'

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/map_shapes69/epoch_20.pth',
            prefix='backbone.',
        )
    )
)
