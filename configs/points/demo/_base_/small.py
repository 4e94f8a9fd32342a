# What the demo's tasks share: a HybridNet of 0.8 M parameters on 512 points,
# loaders without processes of their own, the seed and the schedule.
_base_ = [
    '../../../_base_/runtimes/mmpretrain.py',
    '../../../_base_/schedules/short.py',
]

small = dict(embed_dims=96, pattern='MMMT', num_heads=4, d_state=8)
groups = dict(num_groups=32, group_size=16)
loader = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    collate_fn=dict(type='pseudo_collate'),
)

optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=10.0))
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=5))
