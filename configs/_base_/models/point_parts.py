# Parts from tokens after 1/4, 3/4 and all of HybridNet.
model = dict(
    type='PointPartSegmentor',
    data_preprocessor=dict(type='PointDataPreprocessor'),
    backbone=dict(
        type='HybridNetPoints',
        arch='small',
        num_groups=128,
        group_size=32,
        out_indices=(3, 11, 15),
        out_type='raw',
    ),
    head=dict(
        type='PointPartHead',
        num_parts=50,
        num_categories=16,
        in_channels=384,
        num_depths=3,
    ),
)
