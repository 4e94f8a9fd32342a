# Classes of photographs with the small HybridNet, for comparisons.
#
#   python tools/study.py configs/study/imagenette.yml --data-root DIR
_base_ = [
    '../_base_/models/classifier.py',
    '../_base_/datasets/imagenet.py',
    '../_base_/runtimes/mmpretrain.py',
    '../demo/_base_/small.py',
]

small = dict(_base_.small, embed_dims=192, pattern='MMMT' * 3, d_state=16)
model = dict(
    data_preprocessor=dict(num_classes=10),
    backbone=dict(
        arch=dict(_delete_=True, **small),
        img_size=96,
        patch_size=8,
        init_cfg=None,
    ),
    head=dict(num_classes=10, in_channels=192, topk=1),
)
load, crop, flip, pack = _base_.train_dataloader.dataset.pipeline
_, resize, centre, _ = _base_.val_dataloader.dataset.pipeline
imagenette = dict(_delete_=True, type='CustomDataset', with_label=True)
imagenette.update(data_root='data/imagenette128')
train_dataloader = dict(
    batch_size=128,
    dataset=dict(
        data_prefix='train',
        pipeline=[load, dict(crop, scale=96), flip, pack],
        **imagenette,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_prefix='val',
        pipeline=[
            load,
            dict(resize, scale=110),
            dict(centre, crop_size=96),
            pack,
        ],
        **imagenette,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='Accuracy', topk=1)
test_evaluator = val_evaluator
optim_wrapper = dict(
    optimizer=dict(lr=1e-3), paramwise_cfg=dict(layer_decay_rate=0.85)
)
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=20)
val_cfg = dict()
test_cfg = dict()
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=20))
