# What all runs of the `mmmap` command share. Their config.py sets the rate and
# the epochs.
_base_ = '../schedules/short.py'

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(layer_decay_rate=1.0),
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10, val_interval=1)
