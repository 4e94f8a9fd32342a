# UPerNet on HybridNet-L, ADE20K, 512 px, 60k iterations, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/upernet_map-large_ade20k.py 8
#
# Options: README.md.
_base_ = [
    'upernet_map_ade20k.py',
    '../_base_/models/hybridnet_sizes.py',
]

model = dict(
    backbone=_base_.hybridnet_large,
    neck=dict(in_channels=1024),
    decode_head=dict(in_channels=[1024] * 4),
    auxiliary_head=dict(in_channels=1024),
)
