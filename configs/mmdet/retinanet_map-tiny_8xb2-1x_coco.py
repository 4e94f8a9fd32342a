# RetinaNet on HybridNet-T, COCO, 1x schedule, from MAP: 12 epochs, the shorter
# edge at 800 px.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmdet/retinanet_map-tiny_8xb2-1x_coco.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/retinanet.py',
    '../_base_/datasets/coco_boxes.py',
    '../_base_/schedules/coco_1x.py',
    '../_base_/runtimes/mmdet.py',
]
