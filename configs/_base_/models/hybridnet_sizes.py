# HybridNets for dense prediction, each from the checkpoint of its pretraining,
# for models that were made for another size.
hybridnet_tiny = dict(
    arch='tiny',
    drop_path_rate=0.05,
    init_cfg=dict(
        checkpoint=(
            'work_dirs/map_hybridnet-tiny_8xb128-amp-1600e_in1k/epoch_1600.pth'
        )
    ),
)
hybridnet_small = dict(
    arch='small',
    init_cfg=dict(
        checkpoint=(
            'work_dirs/map_hybridnet-small_8xb128-amp-1600e_in1k/'
            'epoch_1600.pth'
        )
    ),
)
hybridnet_base = dict(
    arch='base',
    drop_path_rate=0.2,
    init_cfg=dict(
        checkpoint=(
            'work_dirs/map_hybridnet-base_8xb128-amp-1600e_in1k/epoch_1600.pth'
        )
    ),
)
hybridnet_large = dict(
    arch='large',
    # After 1/4, 2/4, 3/4 and all of the 64 blocks.
    out_indices=(15, 31, 47, 63),
    drop_path_rate=0.3,
    init_cfg=dict(
        checkpoint=(
            'work_dirs/map_hybridnet-large_8xb128-amp-1600e_in1k/'
            'epoch_1600.pth'
        )
    ),
)
