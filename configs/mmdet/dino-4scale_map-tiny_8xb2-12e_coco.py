# DINO (the detector, four scales) on HybridNet-T, COCO, 12 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmdet/dino-4scale_map-tiny_8xb2-12e_coco.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/dino-4scale.py',
    '../_base_/datasets/coco_detr.py',
    '../_base_/schedules/dino_12e.py',
    '../_base_/runtimes/mmdet.py',
]
