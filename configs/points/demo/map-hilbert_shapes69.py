# Like map_shapes69.py, but rows are neighbours along a Hilbert curve.
_base_ = '_base_/map.py'

model = dict(backbone=dict(order='hilbert'), decoder=dict(sequence='places'))
