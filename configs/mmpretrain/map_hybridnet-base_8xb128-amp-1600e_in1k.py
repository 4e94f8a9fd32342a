# MAP pretraining of HybridNet-B on ImageNet-1K, 224 px, 1,600 epochs.
# Paper: fine-tuned from it, 84.9 top-1 (83.1 without pretraining);
# 85.5 at 384 px.
# Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_hybridnet-base_8xb128-amp-1600e_in1k.py 8
#
# Images elsewhere than in data/imagenet: --data-root DIR. Another batch:
# --auto-scale-lr.
_base_ = 'map_hybridnet-tiny_8xb128-amp-1600e_in1k.py'

model = dict(
    backbone=dict(arch='base'),
    decoder=dict(in_channels=768),
)
