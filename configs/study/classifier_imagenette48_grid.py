# classifier_imagenette48.py, measured with 100 other training images of each
# class: for choosing a learning rate without a look at the validation images.
#
#   python tools/study.py configs/study/labels_grid.yml --data-root DIR
_base_ = 'classifier_imagenette48.py'

load, resize, centre, pack = _base_.val_dataloader.dataset.pipeline
queries = dict(
    _base_.labelled,
    query=True,
    num_queries=100,
    dataset=dict(
        _base_.labelled.dataset, pipeline=[load, resize, centre, pack]
    ),
)
train_dataloader = dict(dataset=dict(dataset=dict(num_queries=100)))
val_dataloader = dict(dataset=dict(_delete_=True, **queries))
test_dataloader = val_dataloader
