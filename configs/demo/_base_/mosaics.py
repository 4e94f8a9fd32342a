# What the tasks on mosaics share: classes, colours and a HybridNet of
# 0.6 M parameters for images of 64 pixels, in patches of 8.
classes = (
    'astronaut', 'coffee', 'galaxies', 'tissue',
    'retina', 'rocket', 'pagoda', 'flower',
)  # fmt: skip
palette = [
    [245, 130, 48], [128, 64, 0], [0, 0, 0], [240, 230, 190],
    [230, 25, 75], [0, 0, 160], [170, 210, 240], [255, 225, 25],
]  # fmt: skip
backbone = dict(
    arch=dict(
        _delete_=True,
        embed_dims=128,
        pattern='MMMT',
        num_heads=4,
        d_state=8,
    ),
    img_size=64,
    patch_size=8,
    pos_embed='sincos',
)
