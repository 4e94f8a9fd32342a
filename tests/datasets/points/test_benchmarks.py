import json
import sys
import types

import numpy as np
import pytest

from mmmap.datasets.few_shot import FewShot
from mmmap.datasets.point_files import PointFileError
from mmmap.datasets.points import (
    ModelNet40,
    ModelNet40H5,
    PointNPZ,
    ScanObjectNN,
    ShapeNet55,
    ShapeNetPart,
)
from tests.datasets.points.made import save

CLOUD = np.arange(21.0).reshape(7, 3)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def rows(table):
    return '\n'.join(' '.join(map(str, row)) for row in table)


def test_shapenet55(tmp_path):
    write(tmp_path / 'train.txt', '02-a.npy\n03-b.npy\n')
    (tmp_path / 'shapenet_pc').mkdir()
    for name in ('02-a', '03-b'):
        np.save(tmp_path / 'shapenet_pc' / f'{name}.npy', CLOUD)
    dataset = ShapeNet55(data_root=str(tmp_path))
    assert len(dataset) == 2
    assert np.array_equal(dataset[1]['points'], CLOUD)
    with pytest.raises(PointFileError, match='no file.*test.txt'):
        ShapeNet55(data_root=str(tmp_path), split='test')


def test_modelnet40(tmp_path):
    write(tmp_path / 'modelnet40_shape_names.txt', 'bed\nnight_stand\n')
    write(tmp_path / 'modelnet40_test.txt', 'night_stand_0001\nbed_0007\n')
    for name in ('night_stand/night_stand_0001', 'bed/bed_0007'):
        text = rows(np.hstack([CLOUD, CLOUD])).replace(' ', ',')
        write(tmp_path / f'{name}.txt', text)
    dataset = ModelNet40(data_root=str(tmp_path), split='test')
    assert [item['gt_label'] for item in dataset] == [1, 0]
    assert np.array_equal(dataset[0]['points'], CLOUD)
    assert dataset.metainfo['classes'] == ('bed', 'night_stand')
    write(tmp_path / 'modelnet40_test.txt', 'sofa_0001')
    with pytest.raises(PointFileError, match='names sofa_0001, of no class'):
        ModelNet40(data_root=str(tmp_path), split='test')
    with pytest.raises(ValueError, match="got 'val'"):
        ModelNet40(data_root=str(tmp_path), split='val')
    write(tmp_path / 'modelnet40_test.txt', '')
    with pytest.raises(PointFileError, match='ModelNet40 finds no clouds'):
        ModelNet40(data_root=str(tmp_path), split='test')
    (tmp_path / 'modelnet40_test.txt').write_bytes(b'\xc8\xc9')
    with pytest.raises(PointFileError, match='_test.txt is not text'):
        ModelNet40(data_root=str(tmp_path), split='test')


def make_shapenetpart(root, labels):
    write(root / 'synsetoffset2category.txt', 'Bag\t01\nCar\t02\n')
    for part, name in (('train', '01/a'), ('val', '02/b'), ('test', '02/c')):
        file = f'train_test_split/shuffled_{part}_file_list.json'
        write(root / file, json.dumps([f'shape_data/{name}']))
        parts = np.array([4] * 7 if part == 'train' else labels)
        table = np.hstack([CLOUD, CLOUD, parts[:, None]])
        write(root / f'{name}.txt', rows(table))


def test_shapenetpart(tmp_path):
    labels = [8, 8, 9, 10, 11, 9, 8]
    make_shapenetpart(tmp_path, labels)
    dataset = ShapeNetPart(data_root=str(tmp_path))
    assert [dataset.get_data_info(i)['gt_label'] for i in (0, 1)] == [1, 3]
    car = dataset[1]
    assert car['parts'] == (8, 9, 10, 11)
    assert car['gt_part'].tolist() == labels
    assert np.array_equal(car['points'], CLOUD)
    assert len(ShapeNetPart(data_root=str(tmp_path), split='test')) == 1
    make_shapenetpart(tmp_path, [50] * 7)
    with pytest.raises(PointFileError, match='b.txt: sample 0 has label 50'):
        dataset[1]
    make_shapenetpart(tmp_path, [8.5] * 7)
    with pytest.raises(PointFileError, match='b.txt: the last column, after'):
        dataset[1]
    make_shapenetpart(tmp_path, [8] * 6 + [40])
    with pytest.raises(PointFileError, match=r'b.txt has parts \[40\].*Car'):
        dataset[1]
    write(tmp_path / '02/b.txt', rows(CLOUD))
    with pytest.raises(PointFileError, match='b.txt: the last column, after'):
        dataset[1]
    write(tmp_path / 'synsetoffset2category.txt', 'Bag\t01\n')
    with pytest.raises(PointFileError, match='file_list.json names.*02/b, of'):
        ShapeNetPart(data_root=str(tmp_path))
    path = tmp_path / 'train_test_split/shuffled_train_file_list.json'
    write(path, '["a"]')
    with pytest.raises(PointFileError, match='names a, of no category'):
        ShapeNetPart(data_root=str(tmp_path))
    write(path, '["a"')
    with pytest.raises(PointFileError, match='train_file_list.json is not a'):
        ShapeNetPart(data_root=str(tmp_path))


def test_there_are_fifty_parts():
    assert sum(ShapeNetPart.PARTS.values()) == 50
    assert len(ShapeNetPart.PARTS) == 16


class Archive(dict):
    """What h5py gives of a file, here of an archive of NumPy."""

    def __init__(self, path):
        with np.load(path) as arrays:
            super().__init__({name: arrays[name] for name in arrays})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize(
    ('variant', 'file'),
    [
        ('obj_bg', 'main_split/test_objectdataset'),
        ('obj_only', 'main_split_nobg/test_objectdataset'),
        (
            'pb_t50_rs',
            'main_split/test_objectdataset_augmentedrot_scale75',
        ),
    ],
)
def test_scanobjectnn(tmp_path, monkeypatch, variant, file):
    stand_in = types.SimpleNamespace(File=Archive)
    monkeypatch.setitem(sys.modules, 'h5py', stand_in)
    settings = dict(data_root=str(tmp_path), split='test', variant=variant)
    with pytest.raises(PointFileError, match='there is no file'):
        ScanObjectNN(**settings)
    path = tmp_path / f'{file}.h5'
    path.parent.mkdir()
    with open(path, 'wb') as opened:
        np.savez(opened, data=np.stack([CLOUD] * 2), label=np.array([3, 14]))
    dataset = ScanObjectNN(**settings)
    assert [item['gt_label'] for item in dataset] == [3, 14]
    with open(path, 'wb') as opened:
        np.savez(opened, data=np.stack([CLOUD] * 2), label=np.array([3, 15]))
    with pytest.raises(PointFileError, match='h5: sample 1 has label 15'):
        ScanObjectNN(**settings)
    with open(path, 'wb') as opened:
        np.savez(opened, data=np.stack([CLOUD] * 2))
    with pytest.raises(PointFileError, match='cannot read data and label'):
        ScanObjectNN(**settings)


def h5_file(path, points, labels):
    h5py = pytest.importorskip('h5py')
    with h5py.File(path, 'w') as file:
        file['data'], file['label'] = points, labels
    return path


def make_modelnet40_h5(root, labels=((0,), (1,))):
    write(root / 'shape_names.txt', 'bed\nsofa\n')
    for split in ('train', 'test'):
        listed = f'data/modelnet40_ply_hdf5_2048/ply_data_{split}0.h5\n'
        write(root / f'{split}_files.txt', listed)
        clouds = np.stack([CLOUD] * 2).astype(np.float32)
        labels = np.array(labels, np.uint8)
        h5_file(root / f'ply_data_{split}0.h5', clouds, labels)


def test_modelnet40_in_h5(tmp_path):
    make_modelnet40_h5(tmp_path)
    settings = dict(data_root=str(tmp_path), split='test')
    dataset = ModelNet40H5(**settings)
    assert [item['gt_label'] for item in dataset] == [0, 1]
    assert np.array_equal(dataset[1]['points'], CLOUD)
    assert dataset[1]['points'].dtype == np.float32
    assert dataset[1]['path'] == str(tmp_path / 'ply_data_test0.h5')
    assert dataset.metainfo['classes'] == ('bed', 'sofa')
    make_modelnet40_h5(tmp_path, ((0,), (2,)))
    with pytest.raises(PointFileError, match='test0.h5: sample 1 has label 2'):
        ModelNet40H5(**settings)
    (tmp_path / 'ply_data_test0.h5').unlink()
    with pytest.raises(PointFileError, match='no file.*ply_data_test0.h5'):
        ModelNet40H5(**settings)


def no_number(points):
    points[1, 2, 0] = np.nan
    return points


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (no_number, 'h5: sample 1 has coordinates that are NaN'),
        (lambda p: p[..., :2], r'h5: points must be \(n, N, 3\)'),
        (lambda p: p[:, :0], r'h5: points must be \(n, N, 3\)'),
        (lambda p: p.astype('S'), 'h5: points must be real numbers'),
    ],
)
def test_wrong_clouds_in_h5(tmp_path, change, message):
    path = tmp_path / 'main_split/test_objectdataset.h5'
    path.parent.mkdir()
    h5_file(path, change(np.stack([CLOUD] * 2)), np.array([3, 14]))
    settings = dict(data_root=str(tmp_path), split='test', variant='obj_bg')
    with pytest.raises(PointFileError, match=message):
        ScanObjectNN(**settings)


def test_broken_h5(tmp_path):
    path = tmp_path / 'main_split/test_objectdataset.h5'
    path.parent.mkdir()
    h5_file(path, np.zeros((40, 70, 3)), np.zeros(40, int))
    settings = dict(data_root=str(tmp_path), split='test', variant='obj_bg')
    whole = path.read_bytes()
    with pytest.importorskip('h5py').File(path, 'w') as file:
        file['data/0'] = file['label'] = CLOUD
    with pytest.raises(PointFileError, match='cannot read.*dataset.h5'):
        ScanObjectNN(**settings)
    for content in (whole[: len(whole) // 2], b'', b'text'):
        path.write_bytes(content)
        with pytest.raises(PointFileError, match='cannot read.*dataset.h5'):
            ScanObjectNN(**settings)


def test_scanobjectnn_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'h5py', None)
    with pytest.raises(ImportError, match='pip install h5py'):
        ScanObjectNN(data_root=str(tmp_path))
    with pytest.raises(ValueError, match="variant must be.*'hard'"):
        ScanObjectNN(variant='hard')


def labelled(folder, number=90):
    arrays = dict(
        points=np.arange(number * 3.0).reshape(number, 1, 3),
        label=np.arange(number) % 6,
        classes=np.array(list('abcdef')),
    )
    path = save(folder / 'clouds.npz', arrays)
    return PointNPZ(str(path))


def test_few_shot(tmp_path):
    dataset = labelled(tmp_path)
    settings = dict(way=4, shot=5, num_queries=10)
    learnt = FewShot(dataset, **settings)
    queries = FewShot(dataset, query=True, **settings)
    assert (len(learnt), len(queries)) == (20, 40)
    assert np.bincount([i['gt_label'] for i in learnt]).tolist() == [5] * 4
    assert np.bincount([i['gt_label'] for i in queries]).tolist() == [10] * 4
    seen = {i['points'].tobytes() for i in learnt}
    assert not seen & {i['points'].tobytes() for i in queries}
    # New labels stand for the same classes in both.
    assert np.array_equal(learnt.classes, queries.classes)
    for item in (*learnt, *queries):
        old = int(item['points'][0, 0]) // 3 % 6
        assert old == learnt.classes[item['gt_label']]
        assert learnt.metainfo['classes'][item['gt_label']] == 'abcdef'[old]


def test_few_shot_of_all_classes(tmp_path):
    dataset = labelled(tmp_path)
    learnt = FewShot(dataset, way=None, shot=5, num_queries=10, fold=3)
    assert len(learnt) == 30
    # All classes keep their labels.
    for index, item in enumerate(learnt):
        old = int(item['points'][0, 0]) // 3 % 6
        assert item['gt_label'] == old
        assert isinstance(item['gt_label'], int)  # as mmpretrain demands
        assert learnt.get_data_info(index)['gt_label'] == old
    assert learnt.metainfo['classes'] == dataset.metainfo['classes']
    with pytest.raises(ValueError, match='6 classes of 6.*only 0'):
        FewShot(dataset, way=None, shot=6, num_queries=10)


def test_folds_differ_and_repeat(tmp_path):
    dataset = labelled(tmp_path)
    settings = dict(way=4, shot=5, num_queries=10)
    members = [FewShot(dataset, fold=f, **settings).members for f in (0, 1, 0)]
    assert members[0] == members[2] != members[1]


def test_too_few_for_few_shot(tmp_path):
    dataset = labelled(tmp_path)
    with pytest.raises(ValueError, match='only 0 classes.*have 21 samples'):
        FewShot(dataset, way=4, shot=1)
    with pytest.raises(ValueError, match='only 6 classes'):
        FewShot(dataset, way=7, shot=1, num_queries=2)
    for wrong in ('way', 'shot', 'num_queries', 'fold'):
        with pytest.raises(ValueError, match='must be at least 1 and fold'):
            FewShot(dataset, **{wrong: -1})
    path = save(tmp_path / 'bare.npz', dict(points=np.ones((9, 2, 3))))
    with pytest.raises(ValueError, match='some without gt_label'):
        FewShot(PointNPZ(str(path)))
