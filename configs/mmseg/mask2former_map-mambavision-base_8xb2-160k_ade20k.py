# Mask2Former on MambaVision-B, ADE20K, 512 px, 160k iterations, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmseg/mask2former_map-mambavision-base_8xb2-160k_ade20k.py 8
#
# Options: README.md.
_base_ = [
    'mask2former_map-small_8xb2-160k_ade20k.py',
    '../_base_/models/mambavision.py',
]

model = dict(
    backbone=dict(_delete_=True, **_base_.mambavision_base),
    neck=None,
    decode_head=dict(in_channels=_base_.mambavision_base_channels),
)
