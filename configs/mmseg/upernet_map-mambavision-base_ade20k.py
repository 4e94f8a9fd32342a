# UPerNet on MambaVision-B, ADE20K, 512 px, 60k iterations, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/upernet_map-mambavision-base_ade20k.py 8
#
# Options: README.md.
_base_ = [
    'upernet_map_ade20k.py',
    '../_base_/models/mambavision.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.mambavision_base),
    neck=None,
    decode_head=dict(in_channels=_base_.mambavision_base_channels),
    auxiliary_head=dict(in_channels=512),
)
