# Cascade Mask R-CNN on HybridNet-T, COCO, 3x schedule, from MAP:
# 36 epochs, the shorter edge at 480 to 800 px.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/cascade-mask-rcnn_map-tiny_8xb2-ms-3x_coco.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/cascade-mask-rcnn.py',
    '../_base_/datasets/coco_multi-scale.py',
    '../_base_/schedules/coco_3x.py',
    '../_base_/runtimes/mmdet.py',
]
