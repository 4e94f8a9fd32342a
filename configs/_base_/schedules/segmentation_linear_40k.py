# Linear probing: 40k iterations of 16 images, one rate for the one layer.
_base_ = 'segmentation_40k.py'

optim_wrapper = dict(
    optimizer=dict(lr=1e-3, weight_decay=1e-4),
    paramwise_cfg=dict(layer_decay_rate=1.0),
)
