# MAP pretraining of HybridNet-H on ImageNet-1K, 224 px, 1,600 epochs.
# Paper: no result of this size.
# Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_hybridnet-huge_8xb128-amp-1600e_in1k.py 8
#
# Images elsewhere than in data/imagenet: --data-root DIR. Another batch:
# --auto-scale-lr.
_base_ = 'map_hybridnet-tiny_8xb128-amp-1600e_in1k.py'

model = dict(
    backbone=dict(arch='huge', with_cp=True),
    decoder=dict(in_channels=1536),
)
