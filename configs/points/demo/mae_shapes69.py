# Point-MAE with the same network: the decoder attends to all tokens.
_base_ = '_base_/map.py'

model = dict(decoder=dict(attention='full'))
