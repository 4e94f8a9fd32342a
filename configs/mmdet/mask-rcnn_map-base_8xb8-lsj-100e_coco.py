# Mask R-CNN on HybridNet-B, COCO, 1024 px with large-scale jitter,
# 100 epochs, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmdet/mask-rcnn_map-base_8xb8-lsj-100e_coco.py 8
#
# Options: README.md.
_base_ = 'mask-rcnn_map-tiny_8xb8-lsj-100e_coco.py'

model = dict(
    backbone=dict(
        arch='base',
        drop_path_rate=0.2,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_hybridnet-base_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            )
        ),
    ),
    neck=dict(in_channels=768),
)
