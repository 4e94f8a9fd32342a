# Point-MAE in the same frame: the decoder attends to everything.
_base_ = '_base_/map.py'

model = dict(decoder=dict(attention='full'))
