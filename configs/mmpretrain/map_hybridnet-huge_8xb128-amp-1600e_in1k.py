# MAP pretraining of HybridNet-H on ImageNet-1K, 224 px, 1,600 epochs.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_hybridnet-huge_8xb128-amp-1600e_in1k.py 8
#
# Options: README.md.
_base_ = 'map_hybridnet-tiny_8xb128-amp-1600e_in1k.py'

model = dict(
    backbone=dict(arch='huge', with_cp=True),
    decoder=dict(in_channels=1536),
)
