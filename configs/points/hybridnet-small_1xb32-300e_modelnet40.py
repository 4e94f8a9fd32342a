# HybridNet on ModelNet40, from MAP on ShapeNet-55.
# Paper: 95.9 top-1. Expected time: not measured.
#
#   python tools/train.py \
#       configs/points/hybridnet-small_1xb32-300e_modelnet40.py
#
# Options: README.md.
_base_ = [
    '../_base_/models/point_classifier.py',
    '../_base_/datasets/modelnet40.py',
    '../_base_/schedules/points_300e.py',
    '../_base_/runtimes/mmpretrain.py',
]

model = dict(
    backbone=dict(
        drop_path_rate=0.2,
        init_cfg=dict(
            type='Pretrained',
            checkpoint=(
                'work_dirs/map_hybridnet-small_1xb128-300e_shapenet55/'
                'epoch_300.pth'
            ),
            prefix='backbone.',
        ),
    ),
    head=dict(num_classes=40),
)
train_cfg = dict(val_interval=10)
