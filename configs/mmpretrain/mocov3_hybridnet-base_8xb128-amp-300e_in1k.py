# Contrastive pretraining of HybridNet-B on ImageNet-1K, 224 px, 300 epochs, by
# mmpretrain's MoCo v3.
# Paper: 83.1 top-1, after fine-tuning. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/mocov3_hybridnet-base_8xb128-amp-300e_in1k.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/mocov3.py',
    '../_base_/datasets/imagenet_mocov3.py',
    '../_base_/schedules/mocov3_300e.py',
    '../_base_/runtimes/mmpretrain.py',
]

model = dict(backbone=dict(arch='base'), neck=dict(in_channels=768))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FeatureMonitorHook', interval=10),
]
