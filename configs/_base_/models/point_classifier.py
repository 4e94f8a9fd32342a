# The head of Point-MAE on class token and pooled tokens of HybridNet.
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(type='PointDataPreprocessor'),
    backbone=dict(
        type='HybridNetPoints',
        arch='small',
        num_groups=128,
        group_size=32,
        with_cls_token=True,
        out_type='pooled',
    ),
    head=dict(
        type='PointClsHead',
        num_classes=40,
        in_channels=768,  # class token and pooled tokens
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.2),
    ),
)
