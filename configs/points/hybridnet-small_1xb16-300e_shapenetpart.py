# Parts of ShapeNetPart by HybridNet, from MAP on ShapeNet-55.
# Paper: 86.3 instance mIoU. Expected time: not measured.
#
#   python tools/train.py \
#       configs/points/hybridnet-small_1xb16-300e_shapenetpart.py
#
# Options: README.md.
_base_ = [
    '../_base_/models/point_parts.py',
    '../_base_/datasets/shapenetpart.py',
    '../_base_/schedules/points_300e.py',
    '../_base_/runtimes/mmpretrain.py',
]

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint=(
                'work_dirs/map_hybridnet-small_1xb128-300e_shapenet55/'
                'epoch_300.pth'
            ),
            prefix='backbone.',
        ),
    )
)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
auto_scale_lr = dict(base_batch_size=16)
train_cfg = dict(val_interval=10)
