# Cascade Mask R-CNN on MambaVision-B with an FPN.
_base_ = ['cascade-mask-rcnn.py', 'mambavision.py']

model = dict(
    backbone=dict(_delete_=True, norm_eval=True, **_base_.mambavision_base),
    neck=dict(
        _delete_=True,
        type='FPN',
        in_channels=_base_.mambavision_base_channels,
        out_channels=256,
        num_outs=5,
    ),
)
