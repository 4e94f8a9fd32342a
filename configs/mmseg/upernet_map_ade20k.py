# UPerNet on HybridNet-S, ADE20K, 512 px, 60k iterations, from MAP.
# Paper: 46.9 mIoU (45.6 without pretraining). Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/upernet_map_ade20k.py 8
#
# It starts from the checkpoint of the pretraining config; from another with
#   --cfg-options model.backbone.init_cfg.checkpoint=FILE
# and from scratch with
#   --cfg-options model.backbone.init_cfg=None
# Images elsewhere than in data/ade/ADEChallengeData2016: --data-root DIR.
_base_ = [
    '../_base_/models/upernet.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/schedules/upernet_60k.py',
    '../_base_/runtimes/mmseg.py',
]
