import pytest
import torch

from mmmap.models.decoders import (
    ATTENTION_MASKS,
    MaskedDecoder,
    attention_mask,
)
from mmmap.models.masking import Layout, hide
from tests.models.tiny import without_gradient

# Which token (row, column) may look at which, as the paper puts it.
MAY_LOOK = {
    'rows': lambda query, key: key[0] <= query[0],
    'columns': lambda query, key: key[1] <= query[1],
    'full': lambda query, key: True,
    'raster': lambda query, key: key <= query,
    'raster_columns': lambda query, key: key[::-1] <= query[::-1],
    'same_row': lambda query, key: key[0] == query[0],
}
KINDS = pytest.mark.parametrize('kind', MAY_LOOK)


def build(attention='rows', grid=(3, 4), **options):
    torch.manual_seed(0)
    return MaskedDecoder(
        6, grid, 8, 2, num_heads=2, attention=attention, **options
    ).eval()


@pytest.fixture
def masked():
    """Six of twelve tokens, some of every row hidden."""
    hidden = torch.zeros(1, 12, dtype=torch.bool)
    hidden[0, [0, 2, 5, 7, 8, 11]] = True
    return hide(hidden)


@KINDS
@pytest.mark.parametrize('grid', [(3, 5), (4, 2), (1, 5), (5, 1)])
def test_attention_masks(kind, grid):
    places = [(i, j) for i in range(grid[0]) for j in range(grid[1])]
    expected = [[MAY_LOOK[kind](q, k) for k in places] for q in places]
    assert attention_mask(kind, grid).tolist() == expected
    assert MAY_LOOK.keys() == ATTENTION_MASKS.keys()


@KINDS
def test_influence_of_visible_tokens(kind, masked):
    """By gradient: a token influences those that may look at it."""
    decoder, visible = build(kind), torch.randn(1, 6, 6, requires_grad=True)
    features = decoder(visible, masked, Layout((3, 4)))
    for place in range(12):
        (grad,) = torch.autograd.grad(
            features[0, place].square().sum(), visible, retain_graph=True
        )
        seen = [
            MAY_LOOK[kind](divmod(place, 4), divmod(int(key), 4))
            for key in masked.ids_keep[0]
        ]
        assert (grad[0].abs().sum(-1) > 0).tolist() == seen, place


@pytest.mark.parametrize(
    ('kind', 'unchanged'),
    [
        ('rows', True),
        ('raster', True),
        ('same_row', True),
        ('full', False),
        ('columns', False),
        ('raster_columns', False),
    ],
)
def test_what_a_later_row_changes_in_the_earlier_ones(kind, unchanged):
    """In the decoder: the encoder lets all visible tokens mix before it."""
    masked = hide(torch.arange(15)[None] % 2 == 1)
    visible = torch.randn(1, 8, 6)
    changed = visible.clone()
    changed[:, -3:] += 1  # tokens 10, 12 and 14, the last row
    decoder = build(kind, grid=(3, 5))
    first = decoder(visible, masked, Layout((3, 5)))[:, :10]
    second = decoder(changed, masked, Layout((3, 5)))[:, :10]
    assert torch.equal(first, second) == unchanged


@pytest.mark.parametrize('kind', ['raster', 'raster_columns'])
def test_autoregression_is_not_trivial(kind):
    """A token sees its own place, where only a mask token is.

    So what it hides has no way to its guess; of two hidden neighbours both
    see the same visible tokens.
    """
    grid = (3, 5)
    masked = hide(torch.arange(15)[None] % 4 > 0)
    visible = torch.randn(1, 4, 6, requires_grad=True)
    features = build(kind, grid)(visible, masked, Layout(grid))
    may_look = attention_mask(kind, grid)
    for place in masked.hidden[0].nonzero().flatten():
        (grad,) = torch.autograd.grad(
            features[0, place].square().sum(), visible, retain_graph=True
        )
        seen = masked.ids_keep[0][grad[0].any(-1)]
        assert place not in seen
        assert set(seen.tolist()) == {
            int(key) for key in masked.ids_keep[0] if may_look[place, key]
        }


@KINDS
def test_rows_without_visible_or_without_hidden_tokens(kind):
    """Legal: guesses without a visible token rest on positions alone."""
    grid = (3, 4)
    masked = hide(torch.arange(12)[None] < 4)  # all of the first row
    visible = torch.randn(1, 8, 6, requires_grad=True)
    features = build(kind, grid)(visible, masked, Layout(grid))
    assert features.isfinite().all()
    features[:, :4].square().sum().backward()
    blind = kind in ('rows', 'raster', 'same_row')
    assert visible.grad.any() == (not blind)


def test_tokens_before_the_blocks(masked):
    """Without blocks: embedded or mask token, plus position, normalised."""
    decoder = build()
    decoder.blocks = torch.nn.ModuleList()
    visible = torch.randn(1, 6, 6)
    tokens = decoder.mask_token.expand(1, 12, 8).clone()
    for index, place in enumerate(masked.ids_keep[0]):
        tokens[0, place] = decoder.embed(visible[0, index])
    tokens = tokens + decoder.pos_embed.weight.reshape(1, 12, 8)
    torch.testing.assert_close(
        decoder(visible, masked, Layout((3, 4))),
        torch.nn.functional.layer_norm(tokens, (8,)),
    )


def test_hidden_places_differ_by_position_alone(masked):
    decoder = build('full')
    torch.nn.init.zeros_(decoder.pos_embed.weight)
    features = decoder(torch.randn(1, 6, 6), masked, Layout((3, 4)))[0]
    hidden = features[masked.hidden[0]]
    torch.testing.assert_close(hidden, hidden[:1].expand(6, 8))


def test_other_grids_resample_the_positions():
    decoder, masked = build(grid=2), hide(torch.arange(12)[None] % 2 == 0)
    visible = torch.randn(1, 6, 6)
    other = build(grid=(3, 4))
    weights = decoder.state_dict()
    other.load_state_dict(weights)
    torch.testing.assert_close(
        decoder(visible, masked, Layout((3, 4))),
        other(visible, masked, Layout((3, 4))),
    )


def test_every_parameter_has_a_gradient(masked):
    decoder = build()
    out = decoder(torch.randn(1, 6, 6), masked, Layout((3, 4)))
    (out * torch.randn_like(out)).sum().backward()
    assert not without_gradient(decoder)


def test_wrong_options():
    message = "unknown decoder.attention 'causal'; choose one of rows"
    with pytest.raises(ValueError, match=message):
        build('causal')
    with pytest.raises(ValueError, match='8 channels cannot be split into 3'):
        MaskedDecoder(6, embed_dims=8, num_heads=3)
