# MAP pretraining on mosaics of photographs, without labels.
#
#   python tools/dataset_converters/make_mosaics.py data/mosaics
#   python tools/train.py configs/demo/map_mosaics.py
_base_ = ['_base_/map.py', '_base_/mosaics.py']

model = dict(
    backbone=_base_.backbone,
    decoder=dict(grid=8, pos_embed='sincos'),
    target_generator=dict(patch_size=8),
    head=dict(patch_size=8),
)
load, crop, flip, pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(
    batch_size=64,
    dataset=dict(
        data_root='data/mosaics',
        data_prefix='unlabelled',
        with_label=False,
        # Scenes nearly as a whole; photographs of any size will do.
        pipeline=[
            dict(load, type='LoadImageOnce'),
            dict(crop, scale=64, crop_ratio_range=(0.6, 1.0)),
            flip,
            pack,
        ],
    ),
)
train_cfg = dict(max_epochs=15)
