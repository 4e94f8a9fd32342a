# Mask R-CNN on HybridNet-T, COCO, 1024 px with large-scale jitter,
# 100 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/mask-rcnn_map-tiny_8xb8-lsj-100e_coco.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/mask-rcnn.py',
    '../_base_/datasets/coco_lsj.py',
    '../_base_/schedules/coco_100e.py',
    '../_base_/runtimes/mmdet.py',
]
