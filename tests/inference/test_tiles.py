"""Large images in tiles: every pixel once, no object twice."""

import numpy as np
import pytest

from mmmap.inference.tiles import (
    class_rows,
    merged,
    objects_of_tiles,
    tiles_of,
)


@pytest.mark.parametrize(
    ('height', 'width', 'edge', 'overlap'),
    [(100, 70, 32, 8), (31, 200, 64, 16), (64, 64, 64, 0), (65, 64, 64, 0)],
)
def test_cores_make_up_the_image(height, width, edge, overlap):
    count = np.zeros((height, width), int)
    tiles = tiles_of(height, width, edge, overlap)
    for tile in tiles:
        left, top, right, bottom = tile.core
        count[top:bottom, left:right] += 1
        assert tile.x1 <= left < right <= tile.x2
        assert tile.y1 <= top < bottom <= tile.y2
        assert (tile.x2 - tile.x1, tile.y2 - tile.y1) == (
            min(edge, width), min(edge, height)
        )  # fmt: skip
    assert (count == 1).all()
    first, second = tiles[0], tiles[-1]
    assert (first.x1, first.y1) == (0, 0)
    assert (second.x2, second.y2) == (width, height)


def test_neighbours_overlap_enough():
    for width, count, overlap in ((64 + 10 * 48, 11, 16), (1000, 21, 17)):
        tiles = tiles_of(10, width, 64, 16)
        assert len(tiles) == count
        pairs = zip(tiles, tiles[1:])
        assert min(a.x2 - b.x1 for a, b in pairs) == overlap


def test_a_class_map_of_tiles_is_that_of_the_whole():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 200, (90, 130, 3), dtype=np.uint8)

    def blurred(part):  # sees two pixels around each
        padded = np.pad(part[..., 0].astype(int), 2, mode='edge')
        total = sum(
            padded[y : y + part.shape[0], x : x + part.shape[1]]
            for y in range(5)
            for x in range(5)
        )
        return (total // 25).astype(np.uint8)

    tiles = tiles_of(90, 130, 40, 8)
    rows, pixels = zip(*class_rows(image, tiles, lambda p: map(blurred, p)))
    found = np.concatenate(rows)
    assert (np.concatenate(pixels) == image).all()
    assert (found == blurred(image)).all()


def test_more_than_256_classes_are_kept():
    labels = np.arange(400).reshape(20, 20)
    tiles = tiles_of(20, 20, 12, 4)
    rows = class_rows(labels, tiles, lambda parts: parts, np.uint16)
    found = np.concatenate([row for row, _ in rows])
    assert found.dtype == np.uint16
    assert (found == labels).all()


def boxes_in(part):
    """The white boxes of a picture, cut off where it ends."""
    found = []
    for value in np.unique(part[part > 0]):
        y, x = np.nonzero(part == value)
        box = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        box = [float(v) for v in box]
        found.append(dict(bbox=box, label=0, score=0.9, polygons=[[*box]]))
    return found


def test_no_object_is_found_twice():
    image = np.zeros((200, 300), np.uint8)
    whole = [(5, 5, 25, 20), (90, 40, 112, 60), (250, 170, 300, 200)]
    whole += [(40, 90, 60, 112)]
    for k, (x1, y1, x2, y2) in enumerate(whole, 1):
        image[y1:y2, x1:x2] = k
    tiles = tiles_of(200, 300, 100, 30)
    found = objects_of_tiles(image, tiles, lambda p: map(boxes_in, p))
    assert sorted(tuple(one['bbox']) for one in found) == sorted(whole)
    for one in found:
        assert one['polygons'] == [one['bbox']]


def one(bbox, score, cut=False, label=0):
    return dict(bbox=bbox, score=score, cut=cut, label=label)


def test_small_objects_beside_large_ones_are_kept():
    found = merged([one([0, 0, 50, 50], 0.9), one([10, 10, 20, 20], 0.5)])
    assert len(found) == 2


def test_a_part_is_dropped_however_certain():
    found = merged([one([0, 0, 50, 50], 0.6), one([0, 0, 50, 20], 0.9, True)])
    assert [o['score'] for o in found] == [0.6]


def test_classes_do_not_compete():
    box = [0, 0, 9, 9]
    assert len(merged([one(box, 0.9), one(box, 0.8, label=1)])) == 2
