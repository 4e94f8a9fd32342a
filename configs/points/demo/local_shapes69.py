# Each group is predicted only from its own row along a Hilbert curve.
_base_ = '_base_/map.py'

model = dict(
    backbone=dict(order='hilbert'),
    decoder=dict(attention='same_row', sequence='places'),
)
