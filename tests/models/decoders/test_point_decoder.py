import pytest
import torch

from mmmap.models.decoders import PointDecoder
from mmmap.models.masking import Layout, hide
from tests.models.tiny_points import seeded_clouds

MASK = torch.tensor([[0, 1, 1, 0, 1, 0, 1, 0, 1, 1, 0]] * 2).bool()


def decoder(**settings):
    torch.manual_seed(0)
    return PointDecoder(8, depth=1, num_heads=2, **settings)


def sees(model, query):
    """Which visible tokens and places the feature of a token depends on."""
    masked, centers = hide(MASK), seeded_clouds(2, 11).requires_grad_()
    layout = Layout((1, 11), 2, centers=centers)
    visible = torch.randn(2, 5, 8, requires_grad=True)
    out = model(visible, masked, layout)
    assert out.shape == (2, 11, 8)
    grads = torch.autograd.grad(out[0, query, 0], (visible, centers))
    return [(g[0].abs().sum(-1) > 0).nonzero()[:, 0].tolist() for g in grads]


def test_rows_of_places():
    model = decoder(sequence='places')
    # Rows of three: 0-2, 3-5, 6-8, 9-10; visible are 0, 3, 5, 7, 10.
    assert sees(model, 4) == [[0, 1, 2], [0, 1, 2, 3, 4, 5]]
    assert sees(model, 1) == [[0], [0, 1, 2]]
    assert sees(model, 9) == [[0, 1, 2, 3, 4], list(range(11))]


def test_rows_of_visible_tokens_first():
    model = decoder()
    # In order: 0 3 5 | 7 10 1 | 2 4 6 | 8 9.
    assert sees(model, 0) == [[0, 1, 2], [0, 3, 5]]
    assert sees(model, 1) == [[0, 1, 2, 3, 4], [0, 1, 3, 5, 7, 10]]
    assert sees(model, 4)[1] == [0, 1, 2, 3, 4, 5, 6, 7, 10]


@pytest.mark.parametrize(
    ('attention', 'places'),
    [('full', list(range(11))), ('raster', [0, 1]), ('same_row', [0, 1, 2])],
)
def test_baselines(attention, places):
    model = decoder(attention=attention, sequence='places')
    assert sees(model, 1)[1] == places


def test_order_does_not_matter_under_full_attention():
    masked = hide(MASK)
    layout = Layout((1, 11), 2, centers=seeded_clouds(2, 11))
    visible = torch.randn(2, 5, 8)
    first = decoder(attention='full')
    places = decoder(attention='full', sequence='places')
    torch.testing.assert_close(
        first(visible, masked, layout), places(visible, masked, layout)
    )


def test_bad_settings():
    with pytest.raises(
        ValueError, match="unknown decoder.attention 'rings'.*rows"
    ):
        decoder(attention='rings')
    with pytest.raises(ValueError, match="unknown decoder.sequence 'random'"):
        decoder(sequence='random')
    with pytest.raises(ValueError, match='set decoder.in_channels'):
        decoder()(torch.zeros(2, 5, 9), hide(MASK), Layout((1, 11), 2))
