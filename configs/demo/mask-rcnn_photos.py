# Mask R-CNN on photographs in COCO format (80 classes), small images, from
# the MAP checkpoint of map_imagenette.py.
#
#   python tools/train.py configs/demo/mask-rcnn_photos.py \
#       --data-root DIR_WITH_COCO_LAYOUT
_base_ = '_base_/mask-rcnn.py'

model = dict(
    backbone=dict(
        init_cfg=dict(checkpoint='work_dirs/map_imagenette/epoch_5.pth')
    )
)
load, annotate, resize, flip, pack = _base_.train_dataloader.dataset.pipeline
_, _, truth, pack_for_test = _base_.val_dataloader.dataset.pipeline
resize = dict(resize, scale=(256, 192))
train_dataloader = dict(
    dataset=dict(
        filter_cfg=dict(min_size=16),
        pipeline=[load, annotate, resize, flip, pack],
    )
)
val_dataloader = dict(
    dataset=dict(pipeline=[load, resize, truth, pack_for_test])
)
test_dataloader = val_dataloader
