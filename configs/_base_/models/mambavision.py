# MambaVision for dense prediction: its four maps have strides 4, 8, 16 and 32,
# so no neck has to rescale them.
mambavision_base = dict(
    type='mmpretrain.MambaVision',
    arch='base',
    out_indices=(0, 1, 2, 3),
    drop_path_rate=0.3,
    init_cfg=dict(
        type='Pretrained',
        checkpoint=(
            'work_dirs/map_mambavision-base_8xb128-amp-1600e_in1k/'
            'epoch_1600.pth'
        ),
        prefix='backbone.',
    ),
)
mambavision_base_channels = [128, 256, 512, 1024]
