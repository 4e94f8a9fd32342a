# Cascade Mask R-CNN: three box heads in a row, each for closer matches.
_base_ = 'mask-rcnn.py'

box_head = _base_.model.roi_head.bbox_head
box_training = _base_.model.train_cfg.rcnn
model = dict(
    type='CascadeRCNN',
    roi_head=dict(
        type='CascadeRoIHead',
        num_stages=3,
        stage_loss_weights=[1.0, 0.5, 0.25],
        bbox_head=[
            dict(
                box_head,
                reg_class_agnostic=True,
                bbox_coder=dict(
                    box_head.bbox_coder,
                    target_stds=[std, std, 2 * std, 2 * std],
                ),
                loss_bbox=dict(type='SmoothL1Loss', beta=1.0),
            )
            for std in (0.1, 0.05, 0.033)
        ],
    ),
    train_cfg=dict(
        rcnn=[
            dict(
                box_training,
                assigner=dict(
                    box_training.assigner,
                    pos_iou_thr=iou,
                    neg_iou_thr=iou,
                    min_pos_iou=iou,
                ),
            )
            for iou in (0.5, 0.6, 0.7)
        ]
    ),
)
