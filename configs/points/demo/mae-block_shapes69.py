# Point-MAE with neighbouring groups hidden.
_base_ = '_base_/map.py'

model = dict(
    masking=dict(_delete_=True, type='PointBlockMasking', ratio=0.6),
    decoder=dict(attention='full'),
)
