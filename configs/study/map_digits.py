# MAP pretraining of a tiny HybridNet on digit scenes, for comparisons.
#
#   python tools/study.py configs/study/digits.yml --data-root data/digits
_base_ = '../demo/_base_/map.py'

model = dict(
    backbone=dict(arch=dict(embed_dims=64)), decoder=dict(in_channels=64)
)
train_dataloader = dict(dataset=dict(data_root='data/digits/imagenet_like'))
train_cfg = dict(max_epochs=8)
default_hooks = dict(checkpoint=dict(interval=8))
