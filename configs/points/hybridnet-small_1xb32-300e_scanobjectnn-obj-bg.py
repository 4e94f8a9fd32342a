# HybridNet on ScanObjectNN, OBJ-BG, from MAP on ShapeNet-55.
# Paper: 95.84 top-1. Expected time: not measured.
#
#   python tools/train.py \
#       configs/points/hybridnet-small_1xb32-300e_scanobjectnn-obj-bg.py
#
# Options: README.md.
_base_ = [
    '../_base_/models/point_classifier.py',
    '../_base_/datasets/scanobjectnn.py',
    '../_base_/schedules/points_300e.py',
    '../_base_/runtimes/mmpretrain.py',
]

model = dict(
    backbone=dict(
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained',
            checkpoint=(
                'work_dirs/map_hybridnet-small_1xb128-300e_shapenet55/'
                'epoch_300.pth'
            ),
            prefix='backbone.',
        ),
    ),
    head=dict(num_classes=15),
)
train_dataloader = dict(dataset=dict(variant='obj_bg'))
val_dataloader = dict(dataset=dict(variant='obj_bg'))
test_dataloader = val_dataloader
train_cfg = dict(val_interval=10)
