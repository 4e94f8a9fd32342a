# A linear layer on a frozen MambaVision-B, ADE20K, 512 px, 40k iterations,
# from MAP.
# Paper: no such result. Expected time: not measured.
#
#   tools/dist_train.sh \
#       configs/mmseg/linear_map-mambavision-base_8xb2-40k_ade20k.py 8
#
# Options: README.md.
_base_ = [
    'linear_map-small_8xb2-40k_ade20k.py',
    '../_base_/models/mambavision.py',
]

model = dict(
    backbone=dict(
        _delete_=True,
        **dict(
            _base_.mambavision_base,
            out_indices=-1,
            frozen_stages=4,
            drop_path_rate=0.0,
        ),
    ),
    decode_head=dict(in_channels=1024, channels=1024),
)
