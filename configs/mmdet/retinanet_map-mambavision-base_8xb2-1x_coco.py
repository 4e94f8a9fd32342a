# RetinaNet on MambaVision-B, COCO, 1x schedule, from MAP: 12 epochs, the
# shorter edge at 800 px.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/retinanet_map-mambavision-base_8xb2-1x_coco.py 8
#
# Options: README.md.
_base_ = [
    'retinanet_map-tiny_8xb2-1x_coco.py',
    '../_base_/models/mambavision.py',
]

model = dict(
    backbone=dict(
        _delete_=True,
        **dict(_base_.mambavision_base, out_indices=(1, 2, 3), norm_eval=True),
    ),
    neck=dict(
        _delete_=True,
        type='FPN',
        in_channels=_base_.mambavision_base_channels[1:],
        out_channels=256,
        add_extra_convs='on_input',
        num_outs=5,
    ),
)
