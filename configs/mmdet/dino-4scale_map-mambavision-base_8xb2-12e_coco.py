# DINO (the detector, four scales) on MambaVision-B, COCO, 12 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/dino-4scale_map-mambavision-base_8xb2-12e_coco.py 8
#
# Options: README.md.
_base_ = [
    'dino-4scale_map-tiny_8xb2-12e_coco.py',
    '../_base_/models/mambavision.py',
]

model = dict(
    backbone=dict(
        _delete_=True,
        **dict(_base_.mambavision_base, out_indices=(1, 2, 3), norm_eval=True),
    ),
    neck=dict(
        _delete_=True,
        type='ChannelMapper',
        in_channels=_base_.mambavision_base_channels[1:],
        kernel_size=1,
        out_channels=256,
        act_cfg=None,
        norm_cfg=dict(type='GN', num_groups=32),
        num_outs=4,
    ),
)
