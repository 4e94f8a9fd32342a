# MAP on MambaVision-B: units of 32 px, one for each token of the last map.
# Another size changes `arch` and `decoder.in_channels`.
_base_ = 'map.py'

model = dict(
    backbone=dict(
        _delete_=True, type='MambaVision', arch='base', out_type='raw'
    ),
    decoder=dict(in_channels=1024, grid=7),
    target_generator=dict(patch_size=32),
    head=dict(patch_size=32),
)
