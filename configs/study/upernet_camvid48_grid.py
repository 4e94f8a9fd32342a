# upernet_camvid48.py, measured with other training images: for choosing a
# learning rate without a look at the validation images.
#
#   python tools/study.py configs/study/labels_dense_grid.yml --data-root DIR
_base_ = 'upernet_camvid48.py'

queries = dict(
    _base_.labelled,
    fold=9,
    dataset=dict(
        _base_.labelled.dataset,
        pipeline=_base_.val_dataloader.dataset.pipeline,
    ),
)
val_dataloader = dict(dataset=dict(_delete_=True, **queries))
test_dataloader = val_dataloader
