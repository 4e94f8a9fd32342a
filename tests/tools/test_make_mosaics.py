import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from mmmap.datasets import mosaics
from mmmap.datasets.checks import check_dataset
from mmmap.datasets.mosaics import (
    CLASSES,
    HELD_OUT,
    PHOTOGRAPHS,
    THINGS,
    MosaicMaker,
)
from mmmap.datasets.scene_files import digest
from mmmap.errors import FileError
from tests.helpers import REPO, load_tool

tool = load_tool('dataset_converters/make_mosaics.py')
SMALL = dict(size=32, unlabelled=5, labelled=4, val=3)
SPLITS = {'train': 'training', 'val': 'validation'}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'mosaics'
    assert tool.make_mosaics(root, seed=3, **SMALL)
    return root


def load(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_a_seed_is_a_set(root, tmp_path):
    same, other = tmp_path / 'same', tmp_path / 'other'
    assert tool.make_mosaics(same, seed=3, **SMALL)
    assert tool.make_mosaics(other, seed=4, **SMALL)
    assert digest(same) == digest(root) != digest(other)
    assert not tool.make_mosaics(same, seed=3, **SMALL)
    with pytest.raises(FileError, match="'seed': 3.*'seed': 5"):
        tool.make_mosaics(same, seed=5, **SMALL)
    with pytest.raises(ValueError, match='val 0, expected 1 or more'):
        tool.make_mosaics(same, **{**SMALL, 'val': 0})


@pytest.mark.parametrize('split', SPLITS)
def test_masks_and_maps_tell_the_same(root, split):
    folder = root / 'ade_like'
    segmented = dict(
        type='BaseSegDataset',
        data_root=str(folder),
        data_prefix=dict(
            img_path=f'images/{SPLITS[split]}',
            seg_map_path=f'annotations/{SPLITS[split]}',
        ),
        img_suffix='.png',
        reduce_zero_label=True,
        metainfo=dict(classes=tuple(CLASSES)),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
        ],
    )
    report = check_dataset(segmented, 'mmseg', full=True)
    assert report.errors == []
    assert report.counts['opened'] == dict(train=4, val=3)[split]
    api = COCO(root / f'coco_like/annotations/instances_{split}.json')
    assert [c['name'] for c in api.cats.values()] == THINGS
    for image in api.imgs.values():
        path = f'{SPLITS[split]}/{image["file_name"]}'
        classes = load(folder / 'annotations' / path)
        picture = load(folder / 'images' / path)
        assert picture.shape == (32, 32, 3)
        copy = load(root / 'coco_like' / split / image['file_name'])
        assert (picture == copy).all()
        assert 1 <= classes.min() <= classes.max() <= len(CLASSES)
        instances = api.imgToAnns[image['id']]
        assert 1 <= len(instances) <= 3
        for instance in instances:
            inside = api.annToMask(instance) == 1
            assert instance['category_id'] == 1
            assert len(set(classes[inside])) == 1
            assert inside.sum() == instance['area'] >= mosaics.MIN_AREA


def test_pretraining_sees_no_labelled_scene(root):
    images = [p.read_bytes() for p in root.glob('unlabelled/*.png')]
    labelled = [p.read_bytes() for p in root.glob('coco_like/*/*.png')]
    assert len(images) == 5
    assert len({*images, *labelled}) == 5 + 4 + 3


def test_every_pixel_is_of_the_photograph_that_it_claims(monkeypatch):
    """Photographs of one colour each."""

    def painted(photograph):
        number = PHOTOGRAPHS.index(photograph) + 1
        return np.full((256, 300, 3), 20 * number, np.uint8)

    monkeypatch.setattr(mosaics, 'read_photograph', painted)
    maker = MosaicMaker(seed=0, size=64)
    for split in SPLITS:
        for index in range(20):
            scene = maker.scene(split, index)
            assert len(set(scene.classes)) == len(scene.classes) in (3, 4)
            expected = 20 * scene.semantic().astype(int)
            assert (scene.image == expected[..., None]).all()


def test_held_out_pictures_are_whole_tiles(root):
    shapes = {p.name: load(p).shape for p in (root / 'held_out').iterdir()}
    assert shapes == {'cat.png': (96, 128, 3), 'scenes.png': (96, 128, 3)}
    assert HELD_OUT.name not in CLASSES


def test_a_photograph_that_is_not_installed(monkeypatch, tmp_path, capsys):
    def without(module):
        return None if module == 'skimage' else find(module)

    find = mosaics.find_spec
    monkeypatch.setattr(mosaics, 'find_spec', without)
    root = tmp_path / 'mosaics'
    assert tool.main([str(root)]) == 1
    error = capsys.readouterr().err
    assert 'ships in scikit-image, which is not installed; pip' in error
    wanted = error.strip().rpartition('pip install ')[2]
    pinned = (REPO / 'requirements/demo.txt').read_text().splitlines()
    assert wanted in pinned
    assert list(tmp_path.iterdir()) == []


def test_a_photograph_that_the_package_lost(monkeypatch):
    monkeypatch.setattr(mosaics.Path, 'is_file', lambda path: False)
    with pytest.raises(FileError, match='no datasets/images/china'):
        PHOTOGRAPHS[6].path()


def test_credits_name_author_and_licence():
    lines = tool.credits()
    assert len(lines) == len(PHOTOGRAPHS) + 1
    assert lines[0] == (
        'astronaut: NASA, public domain (astronaut.png of scikit-image)'
    )
    assert all(p.author and p.licence for p in [*PHOTOGRAPHS, HELD_OUT])
