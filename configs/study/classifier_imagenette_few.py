# Ten classes from 50 labelled photographs of each, 500 steps, with the net of
# map_imagenette.py.
#
#   python tools/study.py configs/study/imagenette_minutes.yml --data-root DIR
_base_ = 'classifier_imagenette.py'

labelled = dict(
    type='FewShot',
    way=None,
    shot=50,
    fold=0,
    dataset=_base_.train_dataloader.dataset,
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='RepeatDataset', times=128, dataset=labelled
    )
)
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1))
