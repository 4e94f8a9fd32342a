import pytest
from mmengine.config import Config
from PIL import Image

from mmmap.datasets.of_config import (
    DataError,
    check_data,
    reports_of,
    set_data_root,
)
from tests.helpers import REPO


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


def test_data_in_wrappers_is_looked_at_and_all_problems_told(tmp_path):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'good').mkdir()
    Image.new('RGB', (4, 4)).save(tmp_path / 'good/image.png')
    roots = [str(tmp_path / name) for name in ('empty', 'absent', 'good')]
    given = config(repeated(*(dict(data_root=root) for root in roots)))
    with pytest.raises(DataError) as caught:
        check_data(given, ('train', 'val'))
    first, *problems, help_text = str(caught.value).splitlines()
    assert problems == [
        f'  train: {roots[0]} is empty',
        f'  train: {roots[1]} does not exist',
    ]
    assert '--data-root DIR' in help_text
    check_data(config(repeated(dict(data_root=roots[2]))), ('train',))


def test_only_the_splits_asked_for(tmp_path):
    given = config(dict(data_root=str(tmp_path / 'absent')))
    check_data(given, ('val', 'test'))
    with pytest.raises(DataError, match='absent does not exist'):
        check_data(given, ('train',))


def test_more_folders_than_classes(tmp_path):
    for name in 'ab':
        (tmp_path / name).mkdir()
        Image.new('RGB', (4, 4)).save(tmp_path / name / 'x.png')
    given = config(dict(type='CustomDataset', data_root=str(tmp_path)))
    given.model.head = dict(num_classes=2)
    assert check_data(given, ('train',)) == []
    given.model.head.num_classes = 1
    with pytest.raises(DataError, match='has 2 class folders, .* 1 classes'):
        check_data(given, ('train',))
    given.train_dataloader.dataset.with_label = False
    assert check_data(given, ('train',)) == []


def test_more_names_than_classes(tmp_path):
    for name in ('images', 'maps'):
        (tmp_path / name).mkdir()
        Image.new('L', (4, 4)).save(tmp_path / name / 'x.png')
    dataset = dict(
        data_root=str(tmp_path),
        data_prefix=dict(img_path='images', seg_map_path='maps'),
        metainfo=dict(classes=('a', 'b', 'c')),
    )
    given = config(dataset)
    given.model.decode_head = dict(num_classes=3)
    assert check_data(given, ('train',)) == []
    given.model.decode_head = dict(num_classes=2)
    with pytest.raises(DataError, match='names 3 classes, the head has 2'):
        check_data(given, ('train',))


def test_all_files_are_opened_if_asked_for(tmp_path):
    for index in range(25):
        Image.new('RGB', (4, 4)).save(tmp_path / f'{index}.png')
    given = config(dict(data_root=str(tmp_path)))
    ((_, quick),) = reports_of(given, ('train',))
    assert (quick.counts, quick.problems) == ({'opened': 20}, [])
    (tmp_path / '24.png').write_bytes(b'')
    ((_, full),) = reports_of(given, ('train',), full=True)
    assert full.counts == {'opened': 24}
    assert '24.png (cannot identify' in full.problems[0]


def test_folders_below_the_root(tmp_path):
    (tmp_path / 'val').mkdir()
    given = config(dict(data_root=str(tmp_path), data_prefix='train'))
    with pytest.raises(DataError, match='train: .*/train does not exist'):
        check_data(given, ('train',))
    given = config(dict(data_root=str(tmp_path), split='val'))
    with pytest.raises(DataError, match='train: .*/val is empty'):
        check_data(given, ('train',))


def test_cityscapes_pairs_by_the_ends_of_names(tmp_path):
    """Beside the class maps lie other pictures of the same scenes."""
    given = Config.fromfile(
        REPO
        / 'configs/mmseg/upernet_map-small_8xb2-80k_cityscapes-512x1024.py'
    )
    set_data_root(given, str(tmp_path))
    for split in ('train', 'val'):
        images = tmp_path / 'leftImg8bit' / split / 'bonn'
        maps = tmp_path / 'gtFine' / split / 'bonn'
        images.mkdir(parents=True)
        maps.mkdir(parents=True)
        Image.new('RGB', (8, 4)).save(images / 'bonn_1_leftImg8bit.png')
        labels = Image.new('L', (8, 4), 18)
        labels.save(maps / 'bonn_1_gtFine_labelTrainIds.png')
        Image.new('RGBA', (8, 4)).save(maps / 'bonn_1_gtFine_color.png')
    check_data(given, ('train', 'val'))
    (maps / 'bonn_1_gtFine_labelTrainIds.png').unlink()
    with pytest.raises(DataError, match='1 images have no annotation'):
        check_data(given, ('val',))
    (images / 'bonn_1_leftImg8bit.png').rename(images / 'bonn.png')
    with pytest.raises(DataError, match=r'no images named \*_leftImg8bit'):
        check_data(given, ('val',))
