# UPerNet on MambaVision-B, ADE20K, 512 px, 60k iterations, from MAP.
# Paper: no result of this model. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/upernet_map-mambavision-base_ade20k.py 8
#
# It starts from the checkpoint of the pretraining config; from another with
#   --cfg-options model.backbone.init_cfg.checkpoint=FILE
# and from scratch with
#   --cfg-options model.backbone.init_cfg=None
# Images elsewhere than in data/ade/ADEChallengeData2016: --data-root DIR.
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
