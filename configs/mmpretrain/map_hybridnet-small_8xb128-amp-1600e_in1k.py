# MAP pretraining of HybridNet-S on ImageNet-1K, 224 px, 1,600 epochs.
# Paper: fine-tuned from it, 46.9 mIoU on ADE20K (45.6 without pretraining).
# Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_hybridnet-small_8xb128-amp-1600e_in1k.py 8
#
# Images elsewhere than in data/imagenet: --data-root DIR. Another batch:
# --auto-scale-lr.
_base_ = 'map_hybridnet-tiny_8xb128-amp-1600e_in1k.py'

model = dict(
    backbone=dict(arch='small'),
    decoder=dict(in_channels=384),
)
