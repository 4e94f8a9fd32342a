# Ten classes from 50 labelled photographs of each, 500 steps, with the net of
# map_imagenette48.py.
#
#   python tools/study.py configs/study/labels.yml --data-root DIR
_base_ = 'classifier_imagenette.py'

model = dict(
    backbone=dict(
        arch=dict(embed_dims=128, pattern='MMMT', d_state=8),
        img_size=48,
        patch_size=6,
        pos_embed='sincos',
    ),
    head=dict(in_channels=128),
)
load, crop, flip, pack = _base_.train_dataloader.dataset.pipeline
_, resize, centre, _ = _base_.val_dataloader.dataset.pipeline
load = dict(load, type='LoadImageOnce')
labelled = dict(
    type='FewShot',
    way=None,
    shot=50,
    fold=0,
    dataset=dict(
        _base_.train_dataloader.dataset,
        pipeline=[load, dict(crop, scale=48), flip, pack],
    ),
)
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True, type='RepeatDataset', times=64, dataset=labelled
    ),
)
val_dataloader = dict(
    batch_size=100,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        pipeline=[
            load,
            dict(resize, scale=55),
            dict(centre, crop_size=48),
            pack,
        ]
    ),
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1))
