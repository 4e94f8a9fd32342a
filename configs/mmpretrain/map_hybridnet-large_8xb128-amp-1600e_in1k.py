# MAP pretraining of HybridNet-L on ImageNet-1K, 224 px, 1,600 epochs.
# Paper: fine-tuned from it, 86.2 top-1 at 384 px.
# Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_hybridnet-large_8xb128-amp-1600e_in1k.py 8
#
# Images elsewhere than in data/imagenet: --data-root DIR. Another batch:
# --auto-scale-lr.
_base_ = 'map_hybridnet-tiny_8xb128-amp-1600e_in1k.py'

model = dict(
    backbone=dict(arch='large', with_cp=True),
    decoder=dict(in_channels=1024),
)
