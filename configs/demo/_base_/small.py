# What the demo's tasks share: a HybridNet of 0.6 M parameters, loaders
# without processes of their own, the seed and the schedule.
_base_ = '../../_base_/schedules/short.py'

small = dict(embed_dims=128, pattern='MMMT', num_heads=4, d_state=8)
loader = dict(num_workers=0, persistent_workers=False)
