# SegFormer's head on HybridNet-L, ADE20K, 512 px, 160k iterations, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh configs/mmseg/segformer_map-large_8xb2-160k_ade20k.py 8
#
# Options: README.md.
_base_ = 'segformer_map-small_8xb2-160k_ade20k.py'

model = dict(
    backbone=dict(
        arch='large',
        out_indices=(15, 31, 47, 63),
        drop_path_rate=0.3,
        init_cfg=dict(
            checkpoint=(
                'work_dirs/map_hybridnet-large_8xb128-amp-1600e_in1k/'
                'epoch_1600.pth'
            )
        ),
    ),
    neck=dict(in_channels=1024),
    decode_head=dict(in_channels=[1024] * 4),
)
