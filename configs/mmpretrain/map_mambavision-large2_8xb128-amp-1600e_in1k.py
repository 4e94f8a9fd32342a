# MAP pretraining of MambaVision-L2 on ImageNet-1K, 224 px, 1,600 epochs.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmpretrain/map_mambavision-large2_8xb128-amp-1600e_in1k.py 8
#
# Options: README.md.
_base_ = 'map_mambavision-base_8xb128-amp-1600e_in1k.py'

model = dict(
    backbone=dict(arch='large2', with_cp=True),
    decoder=dict(in_channels=1568),
)
