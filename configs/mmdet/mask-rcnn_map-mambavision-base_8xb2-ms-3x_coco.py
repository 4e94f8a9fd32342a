# Mask R-CNN on MambaVision-B with an FPN, COCO, 3x schedule, from MAP: 36
# epochs, the shorter edge at 480 to 800 px.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/mask-rcnn_map-mambavision-base_8xb2-ms-3x_coco.py 8
#
# Options: README.md.
_base_ = [
    '../_base_/models/mask-rcnn_mambavision.py',
    '../_base_/datasets/coco_multi-scale.py',
    '../_base_/schedules/coco_3x.py',
    '../_base_/runtimes/mmdet.py',
]
