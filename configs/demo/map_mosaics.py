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
load, _, flip, pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        data_root='data/mosaics',
        data_prefix='unlabelled',
        with_label=False,
        pipeline=[load, flip, pack],
    ),
)
train_cfg = dict(max_epochs=10)
