# An autoregressive model in the same frame, along a Hilbert curve; the
# paper's best ratio for it is 20 %.
_base_ = '_base_/map.py'

model = dict(
    backbone=dict(order='hilbert'),
    masking=dict(ratio=0.2),
    decoder=dict(attention='raster', sequence='places'),
)
