# The small HybridNet of the demo: 0.6 M parameters.
model = dict(
    backbone=dict(
        type='mmpretrain.HybridNet',
        arch=dict(embed_dims=128, pattern='MMMT', num_heads=4, d_state=8),
        img_size=96,
    )
)
