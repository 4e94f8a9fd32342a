# Few-shot: 5 classes of ModelNet40, 20 examples of each; one fold.
# Paper: 98.7 top-1, the mean of ten folds. Expected time: not measured.
#
#   python tools/train.py \
#       configs/points/hybridnet-small_1xb32-150e_modelnet40-5way-20shot.py
#
# Options: README.md.
_base_ = [
    '../_base_/models/point_classifier.py',
    '../_base_/datasets/modelnet40.py',
    '../_base_/schedules/points_300e.py',
    '../_base_/runtimes/mmpretrain.py',
]

model = dict(
    backbone=dict(
        drop_path_rate=0.3,
        init_cfg=dict(
            type='Pretrained',
            checkpoint=(
                'work_dirs/map_hybridnet-small_1xb128-300e_shapenet55/'
                'epoch_300.pth'
            ),
            prefix='backbone.',
        ),
    ),
    head=dict(num_classes=5),
)
_all = _base_.train_dataloader.dataset
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='FewShot',
        dataset=_all,
        way=5,
        shot=20,
        fold=0,
        query=False,
    )
)
_plain = dict(_all, pipeline=_base_.val_dataloader.dataset.pipeline)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='FewShot',
        dataset=_plain,
        way=5,
        shot=20,
        fold=0,
        query=True,
    )
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=150, val_interval=10)
warm_up, cosine = _base_.param_scheduler
param_scheduler = [warm_up, dict(cosine, end=150)]
