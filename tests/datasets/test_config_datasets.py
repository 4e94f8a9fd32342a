from mmengine.config import Config

from mmmap.datasets.config_datasets import set_data_root


def config(dataset, **rest):
    loader = dict(dataset=dataset)
    return Config(dict(model=dict(), train_dataloader=loader, **rest))


def repeated(*datasets):
    """Data sets inside two wrappers, as mmengine's configs have them."""
    joined = dict(type='ConcatDataset', datasets=list(datasets))
    return dict(type='RepeatDataset', times=2, dataset=joined)


def test_root_of_all_data_sets_and_of_what_metrics_read():
    val = dict(dataset=dict(data_root='data/coco/'))
    metrics = [
        dict(ann_file='data/coco/annotations/val.json'),
        dict(ann_file='data/cocoa/annotations/val.json'),
        dict(type='Other'),
    ]
    given = config(
        repeated(dict(data_root='data/coco'), dict(ann_file='x.json')),
        val_dataloader=val,
        val_evaluator=metrics,
        test_dataloader=val,
        test_evaluator=dict(ann_file='data/coco/annotations/test.json'),
    )
    set_data_root(given, '/new')
    inner = given.train_dataloader.dataset.dataset.datasets
    assert [d.data_root for d in inner] == ['/new', '/new']
    assert given.val_dataloader.dataset.data_root == '/new'
    assert given.val_evaluator[0].ann_file == '/new/annotations/val.json'
    untouched = 'data/cocoa/annotations/val.json'
    assert given.val_evaluator[1].ann_file == untouched
    assert given.test_evaluator.ann_file == '/new/annotations/test.json'


def test_a_config_without_some_splits():
    given = config(dict(data_root='old'), val_dataloader=None)
    set_data_root(given, 'new')
    assert given.train_dataloader.dataset.data_root == 'new'
