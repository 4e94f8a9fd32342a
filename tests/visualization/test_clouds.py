import base64
import json
import re

import numpy as np
import pytest
import torch

from mmmap.models.selfsup.point_map import PointReconstruction
from mmmap.visualization import (
    cloud_figure,
    cloud_page,
    part_row,
    reconstruction_grid,
    reconstruction_page,
    reconstruction_rows,
)
from mmmap.visualization.cloud_page import UNIT
from mmmap.visualization.clouds import (
    BLUE,
    GREY,
    ORANGE,
    RED,
)


def shown(batch=1):
    """Two groups of two points on a line; the second is guessed 0.5 beside."""
    points = torch.arange(5.0)[:, None] * torch.eye(3)[0]
    groups = points[:4].view(2, 2, 3)
    guess = groups.clone()
    guess[1] = groups[1, :1] + 0.5 * torch.eye(3)[1]
    mask = torch.tensor([False, True])
    one = PointReconstruction(points, groups, guess, mask)
    return PointReconstruction(*(x.expand(batch, *x.shape) for x in one))


def test_groups_mask_reconstruction_and_error():
    (row,) = reconstruction_rows(shown(), ['line'])
    groups, mask, rebuilt, error = row.clouds
    assert row.name == 'line'
    # The fifth point is in no group; the others have their group's colour.
    assert len(groups.points) == 5
    assert (groups.colours[4] == GREY).all()
    assert (groups.colours[:2] == groups.colours[0]).all()
    assert (groups.colours[2] != groups.colours[0]).any()
    assert mask.title == 'mask: 1 hidden'
    assert (mask.colours == [BLUE, BLUE, GREY, GREY]).all()
    assert (rebuilt.colours == [BLUE, BLUE, ORANGE, ORANGE]).all()
    assert rebuilt.points[2:].tolist() == [[2, 0.5, 0]] * 2
    assert error.title == 'error: mean 0.500'
    assert list(error.legend) == ['0', '0.500', 'visible']
    assert (error.colours[:2] == GREY).all()
    assert (error.colours[2:] == error.legend['0.500']).all()


def test_nothing_hidden_has_no_error():
    one = shown()._replace(mask=torch.zeros(1, 2, dtype=torch.bool))
    (row,) = reconstruction_rows(one)
    assert row.clouds[3].title == 'error: mean 0.000'
    assert (row.clouds[3].colours == GREY).all()


def test_a_guess_that_is_not_finite():
    one = shown()
    one = one._replace(reconstructed=one.reconstructed * torch.nan)
    with pytest.raises(ValueError, match='not finite'):
        reconstruction_rows(one)


def parts():
    points = np.eye(4, 3)
    names = ['Cup/wall', 'Cup/handle', 'Hat/brim']
    truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    return part_row('Cup', points, truth, predicted, names)


def test_parts_and_their_error():
    true, predicted, error = parts().clouds
    assert list(true.legend) == ['wall', 'handle']
    for cloud, labels in ((true, '0011'), (predicted, '0111')):
        expected = [list(true.legend.values())[int(i)] for i in labels]
        assert (cloud.colours == expected).all()
    assert error.title == 'error: 25.0% of points'
    assert (error.colours == [GREY, RED, GREY, GREY]).all()


def test_figure_has_a_panel_for_each_cloud():
    figure = cloud_figure(reconstruction_rows(shown(2)))
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == 2 * [
        '2 groups of 2',
        'mask: 1 hidden',
        'reconstruction',
        'error: mean 0.500',
    ]
    # All see the same part of space: the input's.
    assert {axis.get_xlim() for axis in figure.axes} == {(0.0, 4.0)}


def test_pictures_by_what_was_reconstructed():
    picture = reconstruction_grid(shown(2), None)
    assert picture.dtype == np.uint8
    assert picture.shape == (780, 1274, 3)
    for colour in (BLUE, ORANGE, GREY):
        assert (np.abs(picture - colour.astype(int)).sum(-1) < 12).any()


def content_of(page):
    (text,) = re.findall(r'id="content">(.*?)</script>', page, re.S)
    return json.loads(text)


def test_page_holds_the_clouds_and_loads_nothing():
    page = reconstruction_page(shown(2), 'After </script> 3')
    assert page.count('</script>') == 2
    assert not re.search(r'(src|href)=|url\(|//\w+\.|import', page)
    assert "default-src 'none'" in page
    content = content_of(page)
    assert content['title'] == 'After </script> 3'
    assert [row['name'] for row in content['rows']] == ['cloud 0', 'cloud 1']
    cloud = content['rows'][1]['clouds'][2]
    assert cloud['legend'] == {'visible': '#3b6ea8', 'guessed': '#e8792b'}
    places = np.frombuffer(base64.b64decode(cloud['places']), '<i2')
    # In radii of the input, from its middle.
    expected = [[-1, 0, 0], [-0.5, 0, 0], [0, 0.25, 0], [0, 0.25, 0]]
    found = places.reshape(-1, 3) / UNIT
    np.testing.assert_allclose(found, expected, atol=1e-4)
    colours = np.frombuffer(base64.b64decode(cloud['colours']), np.uint8)
    assert (colours.reshape(-1, 3)[2:] == ORANGE).all()


def test_points_far_away_stay_on_the_page():
    one = shown()
    one.reconstructed[0, 1] = 1e6
    cloud = content_of(reconstruction_page(one, ''))['rows'][0]['clouds'][2]
    places = np.frombuffer(base64.b64decode(cloud['places']), '<i2')
    assert places.max() == 32767


def test_a_single_point():
    row = part_row('dot', np.ones((1, 3)), *[np.zeros(1, int)] * 2, ['a'])
    page = cloud_page([row], 'dot')
    assert len(content_of(page)['rows'][0]['clouds']) == 3
    assert cloud_figure([row]).axes[0].get_xlim() == (0.0, 2.0)
