# Cascade Mask R-CNN on HybridNet-T, COCO, 1024 px with large-scale jitter,
# 100 epochs, from MAP.
# Paper: 47.3 box AP (45.9 without pretraining), taken to be of this detector,
# as in Vim.
# Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/cascade-mask-rcnn_map-tiny_8xb8-lsj-100e_coco.py 8
#
# It starts from the checkpoint of the pretraining config; from another with
#   --cfg-options model.backbone.init_cfg.checkpoint=FILE
# and from scratch with
#   --cfg-options model.backbone.init_cfg=None
# Images elsewhere than in data/coco: --data-root DIR.
_base_ = [
    '../_base_/models/cascade-mask-rcnn.py',
    '../_base_/datasets/coco_lsj.py',
    '../_base_/schedules/coco_100e.py',
    '../_base_/runtimes/mmdet.py',
]
