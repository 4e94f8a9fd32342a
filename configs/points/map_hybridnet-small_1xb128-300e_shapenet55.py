# MAP pretraining of HybridNet on ShapeNet-55, 300 epochs.
# Paper: no such result. Expected time: not measured.
#
#   python tools/train.py \
#       configs/points/map_hybridnet-small_1xb128-300e_shapenet55.py
#
# Options: README.md.
_base_ = [
    '../_base_/models/point_map.py',
    '../_base_/datasets/shapenet55.py',
    '../_base_/schedules/points_300e.py',
    '../_base_/runtimes/mmpretrain.py',
]

optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(base_batch_size=128)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ReconstructionHook', interval=10),
    dict(type='FeatureMonitorHook', interval=10),
]
