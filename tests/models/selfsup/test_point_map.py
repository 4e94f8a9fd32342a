import pytest
import torch

from mmmap.models.masking import Layout, PointBlockMasking, hide
from tests.models.tiny_points import (
    GROUPS,
    SIZE,
    seeded_clouds,
    tiny_point_map,
)

METHODS = {
    'map': {},
    'mae': dict(attention='full'),
    'ar': dict(attention='raster'),
    'local': dict(attention='same_row'),
    'places': dict(sequence='places'),
}


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('order', ['fps', 'hilbert'])
def test_every_parameter_has_a_gradient(method, order):
    model = tiny_point_map(backbone=dict(order=order), decoder=METHODS[method])
    torch.manual_seed(1)
    loss = model(seeded_clouds(4), [], mode='loss')['loss']
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if not name.endswith('bias'):
            assert parameter.grad.abs().max() > 0, name


def test_loss_is_of_hidden_groups_alone():
    model = tiny_point_map().eval()
    points = seeded_clouds()
    groups = model.backbone.units(points)
    mask = torch.arange(GROUPS).expand(2, -1) % 3 > 0
    features, masked = model.decode(groups, hide(mask))
    assert torch.equal(masked.hidden, mask)
    guess = model.head(features)
    distance = torch.cdist(guess[mask], groups.offsets[mask]).square()
    expected = distance.amin(1).mean(1) + distance.amin(2).mean(1)
    loss = model.head.loss(features, groups.offsets, mask)
    torch.testing.assert_close(loss, expected.mean())


def test_hidden_points_are_not_seen():
    model = tiny_point_map().eval()
    groups = model.backbone.units(seeded_clouds())
    masked = hide(torch.arange(GROUPS).expand(2, -1) % 2 == 0)
    features, _ = model.decode(groups, masked)
    offsets = groups.offsets.clone()
    offsets[masked.hidden] = 99.0
    again, _ = model.decode(groups._replace(offsets=offsets), masked)
    assert torch.equal(again, features)


def test_reconstruction():
    model = tiny_point_map().eval()
    points = seeded_clouds()
    shown = model.reconstruct(points)
    assert shown.groups.shape == (2, GROUPS, SIZE, 3)
    assert shown.mask.sum(1).tolist() == [6, 6]
    same = (shown.groups == shown.reconstructed).flatten(2).all(2)
    assert torch.equal(same, ~shown.mask)
    # Groups hold points of the cloud.
    distance = torch.cdist(shown.groups.flatten(1, 2), points).amin(2)
    assert distance.max() < 1e-3


def test_block_masking_hides_neighbours():
    torch.manual_seed(0)
    places = seeded_clouds(5, 30)
    layout = Layout((1, 30), 5, centers=places)
    masked = PointBlockMasking(0.6)(layout)
    assert masked.hidden.sum(1).tolist() == [18] * 5
    for cloud, mask in zip(places, masked.hidden):
        # Some place is nearer to all hidden ones than to any visible one.
        distance = torch.cdist(cloud, cloud)
        inside = distance[:, mask].amax(1) <= distance[:, ~mask].amin(1)
        assert inside.any()
    again = PointBlockMasking(0.6)(layout)
    assert not torch.equal(again.hidden, masked.hidden)


def test_block_masking_in_a_model():
    model = tiny_point_map(masking=dict(type='PointBlockMasking', ratio=0.5))
    _, masked = model.decode(model.backbone.units(seeded_clouds()))
    assert masked.hidden.sum(1).tolist() == [5, 5]


def test_all_points_equal():
    """Groups of one point each: finite losses and gradients."""
    model = tiny_point_map()
    model.loss(torch.ones(4, 40, 3), [])['loss'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name


def test_fewer_points_than_groups():
    with pytest.raises(ValueError, match='is 10, but a cloud has 9 points'):
        tiny_point_map().loss(seeded_clouds(2, GROUPS - 1), [])


def test_bad_parts():
    with pytest.raises(ValueError, match='no use for a class token'):
        tiny_point_map(backbone=dict(with_cls_token=True))
    wrong = dict(type='ChamferHead', in_channels=16, group_size=7)
    with pytest.raises(ValueError, match='one group_size'):
        tiny_point_map(head=wrong).loss(seeded_clouds(), [])
    with pytest.raises(ValueError, match='set head.in_channels'):
        head = dict(type='ChamferHead', in_channels=9, group_size=SIZE)
        tiny_point_map(head=head).loss(seeded_clouds(), [])
    with pytest.raises(ValueError, match="unknown norm 'l0'"):
        tiny_point_map(head=dict(wrong, norm='l0'))
