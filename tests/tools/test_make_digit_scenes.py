import hashlib
import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from sklearn.datasets import load_digits

from mmmap.datasets import digit_scenes, scene_files
from mmmap.datasets.checks import check_dataset
from mmmap.datasets.digit_scenes import Painter
from mmmap.errors import FileError
from tests.helpers import load_tool

tool = load_tool('dataset_converters/make_digit_scenes.py')
SMALL = {'size': 64, 'pretrain': (20, 10), 'scenes': (12, 6)}
SPLITS = {'train': 'training', 'val': 'validation'}


def fingerprint(root):
    """Hash of every file, by its path."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in root.rglob('*')
        if path.is_file()
    }


def load(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'digits'
    assert tool.make_digit_scenes(root, seed=3, **SMALL)
    return root


def test_same_seed_gives_the_same_bytes_and_another_seed_others(
    root, tmp_path
):
    tool.make_digit_scenes(tmp_path / 'same', seed=3, **SMALL)
    tool.make_digit_scenes(tmp_path / 'other', seed=4, **SMALL)
    here, other = fingerprint(root), fingerprint(tmp_path / 'other')
    assert fingerprint(tmp_path / 'same') == here
    names = [n for n in here if n.startswith('ade_like/')]
    assert len(names) == 2 * (12 + 6)
    assert all(other[name] != here[name] for name in names)


def test_a_picture_does_not_depend_on_how_many_there_are(root, tmp_path):
    more = {**SMALL, 'pretrain': (30, 20), 'scenes': (15, 8)}
    tool.make_digit_scenes(tmp_path / 'more', seed=3, **more)
    here, there = fingerprint(root), fingerprint(tmp_path / 'more')
    pictures = [name for name in here if name.endswith('.png')]
    assert all(there[name] == here[name] for name in pictures)


def test_layouts_pass_the_checks_with_the_numbers_asked_for(root):
    load = dict(type='LoadImageFromFile')
    for split, long_split in SPLITS.items():
        index = list(SPLITS).index(split)
        portraits, scenes = SMALL['pretrain'][index], SMALL['scenes'][index]
        labelled = dict(
            type='CustomDataset',
            data_root=str(root / 'imagenet_like' / split),
            pipeline=[load],
        )
        detected = dict(
            type='CocoDataset',
            data_root=str(root / 'coco_like'),
            ann_file=f'annotations/instances_{split}.json',
            data_prefix=dict(img=split),
            metainfo=dict(classes=tuple('012')),
            pipeline=[load],
        )
        segmented = dict(
            type='BaseSegDataset',
            data_root=str(root / 'ade_like'),
            data_prefix=dict(
                img_path=f'images/{long_split}',
                seg_map_path=f'annotations/{long_split}',
            ),
            img_suffix='.png',
            reduce_zero_label=True,
            metainfo=dict(classes=tuple('bcdefghijkl')),
            pipeline=[load, dict(type='LoadAnnotations')],
        )
        reports = [
            check_dataset(labelled, 'mmpretrain', full=True),
            check_dataset(detected, 'mmdet', full=True),
            check_dataset(segmented, 'mmseg', full=True),
        ]
        assert [report.errors for report in reports] == [[], [], []]
        assert reports[0].counts['classes'] == 10
        assert reports[0].counts['images'] == portraits
        assert reports[1].counts['images'] == scenes
        assert reports[2].counts['opened'] == scenes


@pytest.mark.parametrize('split', SPLITS)
def test_instances_tile_the_semantic_maps(root, split):
    api = COCO(root / f'coco_like/annotations/instances_{split}.json')
    assert [c['name'] for c in api.cats.values()] == list('012')
    for image in api.imgs.values():
        path = f'{SPLITS[split]}/{image["file_name"]}'
        semantic = load(root / 'ade_like/annotations' / path)
        picture = load(root / 'ade_like/images' / path)
        copy = load(root / 'coco_like' / split / image['file_name'])
        assert np.array_equal(picture, copy)
        assert picture.shape == (64, 64, 3)
        rebuilt = np.ones((64, 64), int)
        covered = np.zeros((64, 64), int)
        for instance in api.imgToAnns[image['id']]:
            mask = api.annToMask(instance)
            rebuilt[mask == 1] = instance['category_id'] + 1
            covered += mask
        assert covered.max() == 1
        not_void = semantic != 0
        assert np.array_equal(rebuilt[not_void], semantic[not_void])
        assert not covered[~not_void].any()


@pytest.mark.parametrize('split', SPLITS)
def test_boxes_and_areas_are_those_of_the_masks(root, split):
    path = root / f'coco_like/annotations/instances_{split}.json'
    annotations = json.loads(path.read_text())['annotations']
    ids = [a['id'] for a in annotations]
    assert ids == list(range(1, len(ids) + 1))
    for annotation in annotations:
        mask = coco_mask.decode(annotation['segmentation'])
        rows, columns = np.nonzero(mask)
        x, y, width, height = annotation['bbox']
        assert annotation['area'] == mask.sum()
        assert (x, y) == (columns.min(), rows.min())
        assert x + width == columns.max() + 1
        assert y + height == rows.max() + 1
        assert annotation['iscrowd'] == 0


def test_training_and_validation_share_no_scan():
    painter = Painter(seed=0, size=64)
    used = {}
    for split in SPLITS:
        pictures = [painter.scene(split, i) for i in range(40)]
        pictures += [painter.portrait(split, i) for i in range(40)]
        used[split] = {scan for p in pictures for scan in p.scans}
        # Five parts of training writers first, then one of validation.
        allowed = range(1437) if split == 'train' else range(1437, 1797)
        assert used[split] <= set(allowed)
    assert not used['train'] & used['val']


def test_labels_are_those_of_the_scans():
    painter, target = Painter(seed=1, size=64), load_digits().target
    for index in range(20):
        scene = painter.scene('train', index)
        assert scene.digits == target[scene.scans].tolist()
        portrait = painter.portrait('val', index)
        assert portrait.digits[0] == index % 10


def test_the_large_digit_is_the_class_and_the_largest():
    painter = Painter(seed=0, size=128)
    for index in range(20):
        owner = painter.portrait('train', index).owner
        areas = np.bincount(owner.ravel())[1:]
        assert areas.argmax() == 0


def test_hidden_digits_become_void_and_no_instances(monkeypatch):
    def in_the_middle(rng, edge, size, taken):
        return np.array([size / 2, size / 2])

    monkeypatch.setattr(digit_scenes, '_place', in_the_middle)
    painter = Painter(seed=0, size=64)
    scenes = [painter.scene('train', index) for index in range(20)]
    # One with a digit of which something, but too little, is seen.
    scene = next(s for s in scenes if (s.semantic() == 0).any())
    drawn = np.arange(len(scene.kept)) + 1
    hidden = drawn[~np.array(scene.kept)]
    void = np.isin(scene.owner, hidden)
    assert void.any()
    assert np.array_equal(scene.semantic() == 0, void)
    assert np.array_equal(scene.semantic() == 1, scene.owner == 0)
    instances = scene_files.coco_instances(scene)
    visible = drawn[np.array(scene.kept)]
    assert [i['category_id'] - 1 for i in instances] == [
        scene.digits[k - 1] for k in visible
    ]
    assert [i['area'] for i in instances] == [
        (scene.owner == k).sum() for k in visible
    ]


def test_digits_stand_out_from_their_surroundings():
    painter, contrasts = Painter(seed=0, size=128), []
    for index in range(30):
        scene = painter.scene('train', index)
        image = scene.image / 255
        for number, kept in enumerate(scene.kept, 1):
            if kept:
                inside = scene.owner == number
                ring = cv2.dilate(inside.astype(np.uint8), np.ones((7, 7)))
                around = (ring == 1) & ~inside
                gap = image[inside].mean(0) - image[around].mean(0)
                contrasts.append(np.linalg.norm(gap))
    assert np.median(contrasts) > 0.4
    assert np.mean(np.array(contrasts) > 0.1) > 0.95


def test_a_complete_set_is_left_alone(root):
    before = {p: p.stat().st_mtime_ns for p in root.rglob('*')}
    assert not tool.make_digit_scenes(root, seed=3, **SMALL)
    assert {p: p.stat().st_mtime_ns for p in root.rglob('*')} == before


def test_other_parameters_and_damage_are_refused(root, tmp_path):
    target = tmp_path / 'digits'
    tool.make_digit_scenes(target, seed=3, **SMALL)
    before = fingerprint(target)
    with pytest.raises(FileError, match="'seed': 3.*'seed': 5"):
        tool.make_digit_scenes(target, seed=5, **SMALL)
    assert fingerprint(target) == before

    next((target / 'coco_like/val').iterdir()).unlink()
    damaged = fingerprint(target)
    with pytest.raises(FileError, match='changed since'):
        tool.make_digit_scenes(target, seed=3, **SMALL)
    assert fingerprint(target) == damaged

    assert tool.make_digit_scenes(target, seed=3, **SMALL, overwrite=True)
    assert fingerprint(target) == fingerprint(root)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize('overwrite', [False, True])
def test_a_foreign_folder_is_never_replaced(tmp_path, overwrite):
    mine = tmp_path / 'thesis.txt'
    mine.write_text('years of work')
    with pytest.raises(FileError, match='left alone'):
        tool.make_digit_scenes(tmp_path, overwrite=overwrite, **SMALL)
    assert list(tmp_path.iterdir()) == [mine]
    with pytest.raises(FileError, match='thesis.txt is a file'):
        tool.make_digit_scenes(mine, overwrite=overwrite, **SMALL)


@pytest.mark.parametrize('overwrite', [False, True])
def test_an_interrupted_run_changes_nothing(tmp_path, monkeypatch, overwrite):
    target = tmp_path / 'digits'
    if overwrite:
        tool.make_digit_scenes(target, seed=3, **SMALL)
    before = fingerprint(tmp_path)

    def interrupt(scene):
        raise KeyboardInterrupt

    monkeypatch.setattr(scene_files, 'coco_instances', interrupt)
    with pytest.raises(KeyboardInterrupt):
        tool.make_digit_scenes(target, seed=4, overwrite=overwrite, **SMALL)
    assert fingerprint(tmp_path) == before
    assert list(tmp_path.iterdir()) == ([target] if overwrite else [])


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        ({'seed': -1}, 'seed -1, expected 0 or more'),
        ({'size': 32}, 'size 32 pixels, expected 64 or more'),
        ({'pretrain': (20, 9)}, r'pretrain \[20, 9\], expected'),
        ({'scenes': (12, 0)}, r'scenes \[12, 0\], expected'),
    ],
)
def test_parameters_out_of_range_are_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        tool.make_digit_scenes(tmp_path / 'digits', **{**SMALL, **wrong})
    assert list(tmp_path.iterdir()) == []


def test_command_line(root, tmp_path, capsys):
    options = ['--seed', '3', '--size', '64', '--pretrain', '20', '10']
    options += ['--scenes', '12', '6']
    target = tmp_path / 'new' / 'digits'
    assert tool.main([str(target), *options]) == 0
    assert 'digits: written (' in capsys.readouterr().out
    assert fingerprint(target) == fingerprint(root)
    assert tool.main([str(target), *options]) == 0
    assert 'complete already' in capsys.readouterr().out
    assert tool.main([str(target), *options, '--seed', '9']) == 1
    assert 'error: ' in capsys.readouterr().err
