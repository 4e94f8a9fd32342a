# UPerNet on HybridNet-T, CamVid (11 classes), crops of 352 px, 20k iterations,
# from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmseg/upernet_map-tiny_8xb2-20k_camvid-352x352.py 8
#
# Options: README.md.
_base_ = [
    'upernet_map-small_8xb2-20k_camvid-352x352.py',
    '../_base_/models/hybridnet_sizes.py',
]

model = dict(
    backbone=_base_.hybridnet_tiny,
    neck=dict(in_channels=192),
    decode_head=dict(in_channels=[192] * 4),
    auxiliary_head=dict(in_channels=192),
)
