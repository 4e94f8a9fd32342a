# MAP on HybridNet-T. Another size changes `arch` and `decoder.in_channels`.
model = dict(
    type='MAP',
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(type='HybridNet', arch='tiny', img_size=224, out_type='raw'),
    # The paper's best ratio. Its published code draws one for each batch:
    # ratio=dict(mean=0.5, std=0.25, low=0.3, high=0.7)
    masking=dict(type='RandomMasking', ratio=0.5),
    decoder=dict(
        type='MaskedDecoder',
        in_channels=192,
        grid=14,
        embed_dims=192,
        depth=4,
        num_heads=16,
        attention='rows',
    ),
    target_generator=dict(type='PixelTarget', norm_pix=True),
    head=dict(type='PixelHead', in_channels=192),
)
