# The small HybridNet of the demo: 1.2 M parameters.
model = dict(
    backbone=dict(
        type='mmpretrain.HybridNet',
        arch=dict(embed_dims=128, pattern='MMMT' * 2, num_heads=4, d_state=8),
        img_size=128,
    )
)
