# Mask2Former on HybridNet-T, ADE20K, 512 px, 160k iterations, from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmseg/mask2former_map-tiny_8xb2-160k_ade20k.py 8
#
# Options: README.md.
_base_ = [
    'mask2former_map-small_8xb2-160k_ade20k.py',
    '../_base_/models/hybridnet_sizes.py',
]

model = dict(
    backbone=_base_.hybridnet_tiny,
    neck=dict(in_channels=192),
    decode_head=dict(in_channels=[192] * 4),
)
