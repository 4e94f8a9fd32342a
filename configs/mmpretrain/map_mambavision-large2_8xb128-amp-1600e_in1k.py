# MAP pretraining of MambaVision-L2 on ImageNet-1K, 224 px, 1,600 epochs.
# Paper: fine-tuned from it, 86.4 top-1 (85.3 without pretraining); its
# "MambaVision-L" of 241 M parameters is this size.
# Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_mambavision-large2_8xb128-amp-1600e_in1k.py 8
#
# Images elsewhere than in data/imagenet: --data-root DIR. Another batch:
# --auto-scale-lr.
_base_ = 'map_mambavision-base_8xb128-amp-1600e_in1k.py'

model = dict(
    backbone=dict(arch='large2', with_cp=True),
    decoder=dict(in_channels=1568),
)
