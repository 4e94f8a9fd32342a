import json
import math

import numpy as np
import pytest
from PIL import Image

from mmmap.datasets.checks import (
    Report,
    check_image_folder,
    check_segmentation,
    folder_problem,
)
from mmmap.datasets.coco_checks import check_coco
from tests.helpers import REPO

SHARED = REPO.parent / 'shared' / 'data'
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason='../shared/data is not there'
)


def write_image(path, size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size, (10, 120, 200)).save(path)
    return path


def write_labels(path, values, size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.resize(np.array(values, np.uint8), size[::-1])
    Image.fromarray(labels).save(path)
    return path


def truncate(path):
    path.write_bytes(path.read_bytes()[:40])


@pytest.fixture
def folder(tmp_path):
    """An ImageFolder of 3 + 2 images."""
    for name, number in (('cat', 3), ('dog', 2)):
        for index in range(number):
            write_image(tmp_path / f'set/{name}/{index}.png')
    return tmp_path / 'set'


@pytest.fixture
def coco(tmp_path):
    """Two images with three instances."""
    images = []
    for number in (1, 2):
        write_image(tmp_path / f'coco/val/{number}.jpg')
        name = f'{number}.jpg'
        images.append(
            {'id': number, 'file_name': name, 'width': 8, 'height': 6}
        )
    content = {
        'images': images,
        'annotations': [
            {
                'id': k,
                'image_id': i,
                'category_id': c,
                'bbox': [1, 1, 4, 3],
                'area': 12,
                'segmentation': [[1, 1, 5, 1, 5, 4, 1, 4]],
            }
            for k, i, c in ((1, 1, 7), (2, 1, 9), (3, 2, 7))
        ],
        'categories': [{'id': 7, 'name': 'a'}, {'id': 9, 'name': 'b'}],
    }
    path = tmp_path / 'coco/instances.json'
    path.write_text(json.dumps(content))
    return path, tmp_path / 'coco/val', content


@pytest.fixture
def pairs(tmp_path):
    """Three images with class maps of the values 0..4."""
    for stem in 'abc':
        write_image(tmp_path / f'seg/images/{stem}.jpg')
        write_labels(tmp_path / f'seg/maps/{stem}.png', range(5))
    return tmp_path / 'seg/images', tmp_path / 'seg/maps'


def test_image_folder_counts(folder):
    report = check_image_folder(folder)
    assert report.counts == {'classes': 2, 'images': 5, 'opened': 5}
    assert report.problems == []


def test_image_folder_problems(folder):
    truncate(folder / 'cat/1.png')
    (folder / 'eel').mkdir()
    report = check_image_folder(folder)
    assert report.counts == {'classes': 3, 'images': 5, 'opened': 4}
    empty, broken = report.problems
    assert empty == '1 class folders without an image: eel'
    assert broken.startswith('1 images cannot be read: ')
    assert 'cat/1.png' in broken


def test_a_flat_folder_is_no_image_folder(folder):
    report = check_image_folder(folder / 'cat')
    assert 'no class folders (3 images lie in it' in report.problems[0]


def test_only_full_finds_what_the_sample_misses(tmp_path):
    for index in range(120):
        write_image(tmp_path / f'a/{index:03d}.png')
    truncate(tmp_path / 'a/001.png')  # the sample has 000, 002, 004, ...
    quick, full = (check_image_folder(tmp_path, f) for f in (False, True))
    assert (quick.counts['opened'], quick.problems) == (50, [])
    assert full.counts['opened'] == 119
    assert 'a/001.png' in full.problems[0]


@pytest.mark.parametrize('kind', ['missing', 'empty', 'file'])
def test_a_root_that_holds_nothing(tmp_path, kind):
    root = tmp_path / 'root'
    if kind == 'empty':
        root.mkdir()
    elif kind == 'file':
        root.write_text('')
    reason = {
        'missing': 'does not exist',
        'empty': 'is empty',
        'file': 'is a file, expected a folder',
    }[kind]
    expected = f'{root} {reason}'
    assert folder_problem(root) == expected
    assert check_image_folder(root).problems == [expected]
    assert expected in check_coco(root / 'x.json', root).problems
    report = check_segmentation(root, root, 3, True)
    assert report.problems == [expected, expected]


def test_coco_counts(coco):
    path, images, _ = coco
    report = check_coco(path, images)
    assert report.problems == []
    assert report.counts == {
        'images': 2,
        'annotations': 3,
        'categories': 2,
        'opened': 2,
    }


def test_images_that_only_folders_leave_out(coco, folder):
    path, images, content = coco
    write_image(images / '3.webp')
    content['images'].append(
        {'id': 3, 'file_name': '3.webp', 'width': 8, 'height': 6}
    )
    path.write_text(json.dumps(content))
    report = check_coco(path, images)
    assert (report.problems, report.counts['opened']) == ([], 3)
    # mmpretrain would not count it.
    write_image(folder / 'cat/4.webp')
    assert check_image_folder(folder).counts['images'] == 5


def test_coco_mismatches_are_named(coco):
    path, images, content = coco
    content['annotations'][0]['image_id'] = 55
    content['annotations'][1]['category_id'] = 66
    content['annotations'][2]['id'] = 2
    content['images'][0]['width'] = 9
    content['images'].append(
        {'id': 3, 'file_name': 'gone.jpg', 'width': 8, 'height': 6}
    )
    path.write_text(json.dumps(content))
    truncate(images / '2.jpg')
    repeated, image, category, absent, broken, size = check_coco(
        path, images
    ).problems
    assert repeated == '1 annotations repeat an id'
    assert image == '1 annotations have image_id of no listed images: 55'
    assert category.endswith('category_id of no listed categories: 66')
    assert absent == f'1 listed images are not in {images}: gone.jpg'
    assert broken.startswith('1 images cannot be read: ')
    assert '2.jpg' in broken
    assert size.endswith('listed size: 1.jpg (8x6, listed 9x6)')


def test_what_mmdet_leaves_out_is_noted(coco):
    path, images, content = coco
    first, second, third = content['annotations']
    first['bbox'] = [1, 1, 0, 3]
    second['bbox'] = [9, 1, 4, 3]
    third['image_id'] = 1
    path.write_text(json.dumps(content))
    report = check_coco(path, images)
    assert report.problems == []
    assert report.notes == [
        '2 annotations have no area or lie outside their image, mmdet leaves '
        'them out: id 1, id 2',
        '1 images have no annotation, mmdet leaves them out of training '
        '(filter_empty_gt)',
    ]
    assert f'  note: {report.notes[0]}' in str(report).splitlines()


@pytest.mark.parametrize(
    'box', ['1 1 4 3', [1, 1, 4], ['1', '1', '4', '3'], [math.nan, 1, 4, 3]]
)
def test_a_box_that_is_none(coco, box):
    path, images, content = coco
    content['annotations'][1]['bbox'] = box
    path.write_text(json.dumps(content))
    assert check_coco(path, images).problems == [
        '1 annotations have a bbox that is not four numbers [x, y, width, '
        f'height]: id 2 ({box!r})'
    ]


def test_a_coco_file_without_annotations(coco):
    path, images, content = coco
    content['annotations'] = []
    path.write_text(json.dumps(content))
    problems = check_coco(path, images).problems
    assert problems == ['none of its images has an annotation']


def test_masks_are_asked_for_where_a_config_learns_them(coco):
    path, images, content = coco
    del content['annotations'][1]['segmentation']
    path.write_text(json.dumps(content))
    assert check_coco(path, images).problems == []
    assert check_coco(path, images, masks=True).problems == [
        '1 annotations have no segmentation, which a config with masks '
        'needs: id 2'
    ]


def test_an_image_turned_by_its_camera(pairs):
    """OpenCV, and so training, sees it upright."""
    images, maps = pairs
    turned = Image.open(images / 'a.jpg')
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(images / 'a.jpg', exif=exif)
    (problem,) = check_segmentation(*pairs, 4, True).problems
    assert problem == f'{maps / "a.png"} is 8x6, its image 6x8'


@pytest.mark.parametrize(
    ('text', 'problem'),
    [
        ('{"images": [', 'cannot be read as JSON'),
        ('[]', 'holds a list, expected a dict'),
        ('{"images": []}', 'has no list of annotations and of categories'),
        (
            '{"images": [{"id": 1}], "annotations": [], "categories": []}',
            "not of the COCO form (KeyError('file_name'))",
        ),
    ],
)
def test_coco_files_of_another_form(coco, text, problem):
    path, images, _ = coco
    path.write_text(text)
    (found,) = check_coco(path, images).problems
    assert problem in found
    assert str(path) in found


def test_segmentation_counts(pairs):
    report = check_segmentation(*pairs, 4, reduce_zero_label=True)
    assert report.problems == []
    assert report.counts == {'images': 3, 'annotations': 3, 'opened': 3}
    report = check_segmentation(*pairs, 5, reduce_zero_label=False)
    assert report.problems == []


@pytest.mark.parametrize(('reduce', 'largest'), [(True, 3), (False, 2)])
def test_labels_beyond_the_classes_are_named(pairs, reduce, largest):
    _, maps = pairs
    for stem in 'ac':
        write_labels(maps / f'{stem}.png', [0, 1, 2, 255])
    (problem,) = check_segmentation(*pairs, 3, reduce).problems
    wrong = ', '.join(str(v) for v in range(largest + 1, 5))
    assert problem == (
        f'{maps / "b.png"} has the values {wrong}, expected 0 to {largest} '
        '(or 255, ignored)'
    )


def test_segmentation_mismatches_are_named(pairs):
    images, maps = pairs
    write_labels(maps / 'a.png', [1], size=(6, 8))
    write_image(maps / 'b.png')
    truncate(maps / 'c.png')
    write_image(images / 'lonely.jpg')
    write_labels(maps / 'widow.png', [1])
    problems = check_segmentation(*pairs, 4, True).problems
    assert problems[:4] == [
        '1 images have no annotation: lonely',
        '1 annotations have no image: widow',
        f'{maps / "a.png"} is 6x8, its image 8x6',
        f'{maps / "b.png"} has 3 channels, expected a class map',
    ]
    assert problems[4].startswith(f'cannot be read: {maps / "c.png"}')


def test_long_lists_are_cut(folder):
    for index in range(9):
        (folder / f'none{index}').mkdir()
    (problem,) = check_image_folder(folder).problems
    assert problem.endswith('none0, none1, none2, none3, none4 and 4 more')


def test_report_compares_with_official_numbers():
    report = Report('val', counts={'images': 49_999, 'classes': 1000})
    report.expect(images=50_000, classes=1000)
    assert report.problems == ['49,999 images found, 50,000 expected']
    assert str(report) == (
        'val: 49,999 images, 1,000 classes\n'
        '  problem: 49,999 images found, 50,000 expected'
    )


@needs_shared
def test_real_data_passes():
    coco, camvid = SHARED / 'coco', SHARED / 'camvid'
    reports = [
        check_image_folder(SHARED / 'imagenette128/val'),
        check_coco(
            coco / 'annotations/instances_val2017.json', coco / 'val2017'
        ),
        check_segmentation(
            camvid / 'images/validation',
            camvid / 'annotations/validation',
            num_classes=11,
            reduce_zero_label=True,
        ),
    ]
    assert [report.problems for report in reports] == [[], [], []]
    assert reports[0].counts['images'] == 3925
    assert reports[1].counts['annotations'] == 1786
    assert reports[2].counts['images'] == 101
