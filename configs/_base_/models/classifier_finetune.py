# Fine-tuning: soft labels by smoothing, mixup and cutmix, and drop path.
_base_ = 'classifier.py'

model = dict(
    backbone=dict(drop_path_rate=0.1),
    head=dict(
        loss=dict(
            _delete_=True,
            type='LabelSmoothLoss',
            label_smooth_val=0.1,
            mode='original',
        )
    ),
    train_cfg=dict(
        augments=[
            dict(type='Mixup', alpha=0.8),
            dict(type='CutMix', alpha=1.0),
        ]
    ),
)
