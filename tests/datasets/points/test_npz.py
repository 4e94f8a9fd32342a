import numpy as np
import pytest

from mmmap.datasets.checks import DataError, check_data
from mmmap.datasets.point_files import PointFileError
from mmmap.datasets.points import PointFolder, PointNPZ
from tests.datasets.points.made import CLASSES, PARTS, parts, save, shapes
from tests.helpers import REPO

REAL = REPO.parent / 'shared' / 'data' / 'points'


def npz(folder, arrays, **settings):
    save(folder / 'clouds.npz', arrays)
    return PointNPZ('clouds.npz', data_root=str(folder), **settings)


def test_labelled_clouds(tmp_path):
    arrays = shapes()
    dataset = npz(tmp_path, arrays)
    assert len(dataset) == 15
    assert dataset.metainfo['classes'] == tuple(CLASSES)
    item = dataset[4]
    assert item['points'].dtype == np.float32
    assert np.array_equal(item['points'], arrays['points'][4])
    assert (item['gt_label'], item['sample_idx']) == (1, 4)


def test_parts(tmp_path):
    arrays = parts()
    dataset = npz(tmp_path, arrays)
    assert dataset.metainfo['parts'] == tuple(PARTS)
    item = dataset[3]
    assert (item['gt_label'], item['parts']) == (1, (2, 3))
    assert np.array_equal(item['gt_part'], arrays['part'][3])


def test_splits_share_nothing_and_have_every_class(tmp_path):
    train, val = (
        npz(tmp_path, shapes(30), split=split) for split in ('train', 'val')
    )
    assert (len(train), len(val)) == (24, 6)
    labels = [[d['gt_label'] for d in dataset] for dataset in (train, val)]
    assert np.bincount(labels[0]).tolist() == [8, 8, 8]
    assert np.bincount(labels[1]).tolist() == [2, 2, 2]
    seen = {d['points'].tobytes() for d in train}
    assert not seen & {d['points'].tobytes() for d in val}


def test_more_columns_and_labels_of_other_types(tmp_path):
    """Of a point with a normal, the coordinates are taken."""
    arrays = shapes()
    expected = arrays['points'].copy()
    normals = np.ones_like(arrays['points'])
    arrays['points'] = np.concatenate([arrays['points'], normals], -1)
    labels = arrays['label'].copy()
    arrays['label'] = labels.astype(np.float32)
    dataset = npz(tmp_path, arrays)
    assert np.array_equal(dataset[4]['points'], expected[4])
    assert [item['gt_label'] for item in dataset] == labels.tolist()


def test_clouds_without_labels(tmp_path):
    dataset = npz(tmp_path, dict(points=np.ones((5, 3, 3))), split='val')
    assert len(dataset) == 1
    assert dataset[0].keys() == {'points', 'path', 'sample_idx'}


def spoiled(change):
    arrays = shapes()
    change(arrays)
    return arrays


def put(name, index, value):
    return lambda arrays: arrays[name].__setitem__(index, value)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (put('points', (3, 1, 0), np.nan), 'sample 3 has coordinates.*1 of'),
        (put('points', (7, 1, 0), np.inf), 'sample 7'),
        (put('label', 5, 3), 'sample 5 has label 3, the 3 classes'),
        (put('label', 2, -1), 'sample 2 has label -1'),
        (lambda a: a.pop('points'), 'no array points'),
        (lambda a: a.pop('classes'), 'only one of label and classes'),
        (lambda a: a.update(label=a['label'][:4]), r'must be whole.*\(15,\)'),
        (lambda a: a.update(label=np.ones(15) / 2), 'float64'),
        (lambda a: a.update(points=a['points'][..., :2]), r'\(n, N, 3\)'),
        (lambda a: a.update(points=a['points'][:, :0]), r'\(15, 0, 3\)'),
        (lambda a: a.update(points=a['points'].astype(str)), 'real numbers'),
        (lambda a: a.update(points=a['points'] * 1j), 'got complex64'),
        (lambda a: a.update(points=np.full((15, 4, 3), 1e30)), 'sample 0.*1e'),
        (lambda a: a.update(parts()), "has.*'category'.*'label'.*must have"),
        (lambda a: a.update(part=a['label'], parts=CLASSES), 'must have'),
    ],
)
def test_wrong_content_names_file_and_sample(tmp_path, change, message):
    with pytest.raises(PointFileError, match=f'clouds.npz.*{message}'):
        npz(tmp_path, spoiled(change))


def test_wrong_files(tmp_path):
    with pytest.raises(PointFileError, match='there is no file.*none.npz'):
        PointNPZ('none.npz', data_root=str(tmp_path))
    path = save(tmp_path / 'clouds.npz', shapes())
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b'', b'text'):
        path.write_bytes(content)
        with pytest.raises(PointFileError, match='cannot read.*clouds.npz'):
            PointNPZ(str(path))
    with pytest.raises(ValueError, match="split must be.*'test'"):
        PointNPZ(str(path), split='test')
    with pytest.raises(PointFileError, match='no clouds.*npz, split train'):
        npz(tmp_path, dict(points=np.ones((1, 3, 3))), split='train')


def test_folder_of_clouds(tmp_path):
    cloud = np.arange(12.0).reshape(4, 3)
    for name in ('b', 'a'):
        (tmp_path / 'train' / name).mkdir(parents=True)
    np.savez(tmp_path / 'train' / 'b' / '0.npz', points=cloud)
    np.save(tmp_path / 'train' / 'a' / '0.npy', cloud)
    rows = '\n'.join(f'{x},{y},{z},0,1,0' for x, y, z in cloud)
    (tmp_path / 'train' / 'a' / '1.txt').write_text(rows)
    (tmp_path / 'train' / 'a' / 'readme.md').write_text('no cloud')
    dataset = PointFolder(data_root=str(tmp_path), split='train')
    assert dataset.metainfo['classes'] == ('a', 'b')
    assert [item['gt_label'] for item in dataset] == [0, 0, 1]
    for item in dataset:
        assert np.array_equal(item['points'], cloud)
    flat = PointFolder(data_root=str(tmp_path / 'train' / 'a'))
    assert len(flat) == 2
    assert 'gt_label' not in flat[0]


def test_classes_have_one_number_in_all_splits(tmp_path):
    for place in ('train/a', 'train/b', 'train/c', 'val/c', 'train/.git'):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / '0.txt').write_text('1 2 3')
    train, val = (
        PointFolder(data_root=str(tmp_path), split=split)
        for split in ('train', 'val')
    )
    assert train.metainfo['classes'] == val.metainfo['classes'] == tuple('abc')
    assert [item['gt_label'] for item in train] == [0, 1, 2]
    assert val[0]['gt_label'] == 2
    settings = dict(data_root=str(tmp_path), split='val')
    own = PointFolder(metainfo=dict(classes=('c', 'a')), **settings)
    assert own[0]['gt_label'] == 0
    with pytest.raises(PointFileError, match='folders c, which are none'):
        PointFolder(metainfo=dict(classes=('a', 'b')), **settings)


def test_wrong_folders(tmp_path):
    with pytest.raises(PointFileError, match='no folder'):
        PointFolder(data_root=str(tmp_path), split='train')
    with pytest.raises(PointFileError, match='holds no clouds'):
        PointFolder(data_root=str(tmp_path))
    path = tmp_path / 'cloud.txt'
    for content, message in (
        ('1 2 3\n4 5 x', 'cannot read'),
        ('1 2\n3 4', r'must be \(N, 3\)'),
        ('1 2 nan', 'sample 0 has coordinates'),
        ('1 2 inf', 'sample 0 has coordinates'),
        ('', r'\(1, 0, 3\)'),
    ):
        path.write_text(content)
        dataset = PointFolder(data_root=str(tmp_path))
        with pytest.raises(PointFileError, match=message) as error:
            dataset[0]
        assert 'cloud.txt' in str(error.value)


def test_data_is_checked_before_training(tmp_path):
    dataset = dict(
        type='PointNPZ', data_root=str(tmp_path), ann_file='clouds.npz'
    )
    config = dict(
        default_scope='mmpretrain',
        model={},
        train_dataloader=dict(dataset=dataset),
    )
    with pytest.raises(DataError, match='clouds.npz: does not exist'):
        check_data(config, ('train', 'val'))
    save(tmp_path / 'clouds.npz', spoiled(put('label', 5, 3)))
    with pytest.raises(DataError, match='train: .*sample 5 has label 3'):
        check_data(config, ('train', 'val'))
    save(tmp_path / 'clouds.npz', shapes())
    check_data(config, ('train', 'val'))
    config.update(model=dict(head=dict(num_classes=2)))
    with pytest.raises(DataError, match='head.num_classes: is 2, .* have 3'):
        check_data(config, ('train', 'val'))
    subset = dict(type='FewShot', dataset=dataset)
    config.update(train_dataloader=dict(dataset=subset))
    check_data(config, ('train', 'val'))
    dataset.update(type='PointFolder', ann_file='')
    with pytest.raises(DataError, match=r'npz: a cloud must be \(N, 3\)'):
        check_data(config, ('train', 'val'))


@pytest.mark.parametrize(
    ('file', 'number', 'classes'),
    [('shapes69_1024.npz', 1981, 69), ('parts19_2048.npz', 285, 19)],
)
def test_real_sets(file, number, classes):
    if not (REAL / file).is_file():
        pytest.skip(f'no {file} beside the repository')
    splits = [
        PointNPZ(file, data_root=str(REAL), split=split)
        for split in ('train', 'val')
    ]
    assert sum(map(len, splits)) == number
    for dataset in splits:
        assert {item['gt_label'] for item in dataset} == set(range(classes))
