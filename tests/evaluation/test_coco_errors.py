"""One kind of error each, on boxes of 10 x 10 pixels."""

import json

import numpy as np
import pytest

from mmmap.evaluation import KINDS, error_curves

CATEGORIES = [
    dict(id=3, name='cat', supercategory='animal'),
    dict(id=5, name='dog', supercategory='animal'),
    dict(id=8, name='car', supercategory='vehicle'),
]


def box(category, x, width=10, **others):
    return dict(
        image_id=1, category_id=category, bbox=[x, 0, width, 10], **others
    )


def analysed(folder, truth, found):
    """Average precision in percent of each class, by kind."""
    instances = [
        dict(a, id=n, area=100, iscrowd=0) for n, a in enumerate(truth, 1)
    ]
    data = dict(
        images=[dict(id=1, width=500, height=50)],
        categories=CATEGORIES,
        annotations=instances,
    )
    files = folder / 'truth.json', folder / 'found.json'
    for file, content in zip(files, (data, found)):
        file.write_text(json.dumps(content))
    curves = error_curves(*files)
    averages = 100 * curves.averages()
    return {
        name: dict(zip(KINDS, row.round(1)))
        for name, row in zip(curves.names, averages)
    }


def test_all_right(tmp_path):
    found = analysed(tmp_path, [box(3, 0)], [box(3, 0, score=0.9)])
    assert found == {'cat': dict.fromkeys(KINDS, 100.0)}


# Beside a right cat of lower score: precision is a half until it is forgiven.
@pytest.mark.parametrize(
    ('x', 'forgiven'),
    [(300, 'Sim'), (400, 'Oth'), (200, 'BG')],
    ids=['on a dog', 'on a car', 'on nothing'],
)
def test_each_kind_is_forgiven_in_turn(tmp_path, x, forgiven):
    truth = [box(3, 0), box(5, 300), box(8, 400)]
    found = [box(3, x, score=0.9), box(3, 0, score=0.5)]
    cat = analysed(tmp_path, truth, found)['cat']
    names = list(KINDS)
    place = names.index(forgiven)
    assert [cat[name] for name in names[:place]] == [50.0] * place
    assert {cat[name] for name in names[place:]} == {100.0}


# IoU 8 / 12 and 3 / 17.
@pytest.mark.parametrize(('shift', 'right_from'), [(2, 'C50'), (7, 'Loc')])
def test_the_wrong_place(tmp_path, shift, right_from):
    found = [box(3, shift, score=0.9)]
    cat = analysed(tmp_path, [box(3, 0)], found)['cat']
    names = list(KINDS)
    place = names.index(right_from)
    assert {cat[name] for name in names[:place]} == {0.0}
    assert {cat[name] for name in names[place:]} == {100.0}


def test_a_miss_is_forgiven_last(tmp_path):
    truth = [box(3, 0), box(3, 100)]
    cat = analysed(tmp_path, truth, [box(3, 0, score=0.9)])['cat']
    # Recall 0 to 0.5 is 51 of COCO's 101 values.
    half = round(100 * 51 / 101, 1)
    expected = dict.fromkeys(KINDS, half) | dict(FN=100.0)
    assert cat == expected


def test_curves_never_fall(tmp_path):
    generator = np.random.default_rng(0)
    truth = [box(int(k), 12 * n) for n, k in enumerate([3, 5, 8, 3, 5, 8])]
    found = [
        box(int(k), float(x), score=float(s))
        for k, x, s in zip(
            generator.choice([3, 5, 8], 30),
            generator.uniform(0, 80, 30),
            generator.uniform(0, 1, 30),
        )
    ]
    for row in analysed(tmp_path, truth, found).values():
        assert list(row.values()) == sorted(row.values())


def test_files_that_do_not_belong_together(tmp_path):
    with pytest.raises(ValueError, match='holds no detections of the images'):
        analysed(tmp_path, [box(3, 0)], [])
    with pytest.raises(ValueError, match='holds no detections of the images'):
        analysed(tmp_path, [box(3, 0)], [box(3, 0, score=1) | {'image_id': 2}])
    with pytest.raises(FileNotFoundError, match='no file at'):
        error_curves(tmp_path / 'no.json', tmp_path / 'no.json')
