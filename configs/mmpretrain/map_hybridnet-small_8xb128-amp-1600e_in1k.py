# MAP pretraining of HybridNet-S on ImageNet-1K, 224 px, 1,600 epochs.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_hybridnet-small_8xb128-amp-1600e_in1k.py 8
#
# Options: README.md.
_base_ = 'map_hybridnet-tiny_8xb128-amp-1600e_in1k.py'

model = dict(
    backbone=dict(arch='small'),
    decoder=dict(in_channels=384),
)
