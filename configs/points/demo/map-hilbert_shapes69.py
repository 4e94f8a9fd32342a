# As map_shapes69.py, with rows that are places along a Hilbert curve.
_base_ = '_base_/map.py'

model = dict(backbone=dict(order='hilbert'), decoder=dict(sequence='places'))
