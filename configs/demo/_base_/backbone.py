# The small HybridNet of the demo: 0.6 M parameters, patches of 8 pixels.
model = dict(
    backbone=dict(
        type='mmpretrain.HybridNet',
        arch=dict(embed_dims=96, pattern='MMMT' * 2, num_heads=4, d_state=8),
        img_size=64,
        patch_size=8,
    )
)
