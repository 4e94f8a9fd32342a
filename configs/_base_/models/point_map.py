# MAP on points, on the published HybridNet.
model = dict(
    type='PointMAP',
    data_preprocessor=dict(type='PointDataPreprocessor'),
    backbone=dict(
        type='HybridNetPoints',
        arch='small',
        num_groups=64,
        group_size=32,
        out_type='raw',
    ),
    masking=dict(type='RandomMasking', ratio=0.6),
    decoder=dict(
        type='PointDecoder',
        in_channels=384,
        depth=4,
        num_heads=6,
        attention='rows',
    ),
    head=dict(type='ChamferHead', in_channels=384, group_size=32),
)
