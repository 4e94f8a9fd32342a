import numpy as np
import pytest
import torch

from mmmap.models.masking import (
    DiagonalMasking,
    Layout,
    MaskRatio,
    NoMasking,
    RandomMasking,
    SequentialMasking,
    hide,
)

DRAWN = dict(mean=0.5, std=0.25, low=0.3, high=0.7)
MASKINGS = [RandomMasking, SequentialMasking, DiagonalMasking]
EACH = pytest.mark.parametrize('build', MASKINGS)


def check_outcome(masked, batch, length, hidden):
    """keep is what mask leaves, ascending, equally many in every row."""
    mask = masked.hidden.numpy()
    assert mask.shape == (batch, length)
    assert mask.sum(1).tolist() == [hidden] * batch
    for row, keep in zip(mask, masked.ids_keep.numpy(), strict=True):
        assert keep.tolist() == np.flatnonzero(~row).tolist()


@EACH
@pytest.mark.parametrize(
    ('ratio', 'grid', 'hidden'),
    [
        (0.5, (14, 14), 98),
        (0.75, (2, 2), 3),
        (0.25, (3, 5), 4),
        (0.6, (1, 5), 3),
    ],
)
def test_hides_the_exact_number(build, ratio, grid, hidden):
    torch.manual_seed(0)
    masked = build(ratio)(Layout(grid, 5))
    check_outcome(masked, 5, grid[0] * grid[1], hidden)


def test_one_column_has_no_bands():
    with pytest.raises(ValueError, match='6x1 is a single diagonal'):
        DiagonalMasking(0.5)(Layout((6, 1), 2))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(std=0), 'std of .* must be positive, got .*std=0,'),
        (dict(std=-1.0), 'std of .* must be positive'),
        (dict(std='0.1'), "needs numbers, got .*std='0.1'"),
        (dict(std=float('nan')), 'needs numbers'),
        (dict(mean=None), 'needs numbers'),
        (dict(mean=0.8), 'mean .* between low and high, got mean=0.8'),
        (dict(mean=0.2), 'mean .* between low and high'),
        (dict(low=0.7, high=0.3), 'low and high .* ascend between 0 and 1'),
        (dict(low=0.5, high=0.5), 'ascend .*for a fixed ratio'),
        (dict(low=0), 'low and high .* ascend'),
        (dict(high=1), 'low and high .* ascend'),
    ],
)
def test_a_drawn_ratio_is_checked_when_it_is_given(change, message):
    with pytest.raises(ValueError, match=message):
        MaskRatio(DRAWN | change)


@EACH
def test_a_seed_decides(build):
    masking, outcomes = build(DRAWN), []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        outcomes.append(masking(Layout((8, 8), 4)).hidden)
    assert torch.equal(outcomes[0], outcomes[1])
    assert outcomes[0].shape == outcomes[2].shape
    assert not torch.equal(outcomes[0], outcomes[2])


def test_random_masking_is_uniform_and_differs_in_a_batch():
    torch.manual_seed(0)
    mask = RandomMasking(0.25)(Layout((4, 4), 4000)).hidden
    rate = mask.float().mean(0)
    torch.testing.assert_close(
        rate, torch.full((16,), 0.25), rtol=0, atol=0.03
    )
    # Pairs too: 4 of 16 without replacement.
    together = (mask[:, 0] & mask[:, 9]).float().mean().item()
    assert together == pytest.approx(4 / 16 * 3 / 15, abs=0.02)


def test_random_masking_against_an_independent_construction():
    """The places of the largest of the same random numbers are hidden."""
    torch.manual_seed(5)
    mask = RandomMasking(0.4)(Layout((2, 5), 3)).hidden.numpy()
    torch.manual_seed(5)
    noise = torch.rand(3, 10).numpy()
    for row, values in zip(mask, noise, strict=True):
        expected = np.argsort(-values)[:4]
        assert np.flatnonzero(row).tolist() == sorted(expected.tolist())


@pytest.mark.parametrize('start', [0, 3, 6])
def test_sequential_masking_hides_one_run(start):
    mask = SequentialMasking(0.5, start)(Layout((3, 4), 2)).hidden
    expected = [start <= i < start + 6 for i in range(12)]
    assert mask.tolist() == [expected, expected]


def test_sequential_masking_draws_every_start():
    torch.manual_seed(0)
    mask = SequentialMasking(0.5)(Layout((2, 4), 500)).hidden
    runs = {tuple(np.flatnonzero(row).tolist()) for row in mask.numpy()}
    assert runs == {tuple(range(s, s + 4)) for s in range(5)}


@pytest.mark.parametrize('start', [-1, 7])
def test_sequential_run_that_does_not_fit(start):
    message = f'6 hidden tokens cannot start at {start} in a grid of 3x4'
    with pytest.raises(ValueError, match=message):
        SequentialMasking(0.5, start)(Layout((3, 4), 2))


@pytest.mark.parametrize('grid', [(4, 4), (3, 5), (5, 3), (1, 6), (6, 2)])
@pytest.mark.parametrize('ratio', [0.2, 0.5, 0.7])
def test_diagonal_masking_against_an_independent_construction(grid, ratio):
    """Walk down the diagonals, one column a row, until enough is hidden."""
    h, w = grid
    for offset in range(w):
        hidden = round(h * w * ratio)
        walk = [
            (row, (start + row) % w)
            for start in range(offset, offset + w)
            for row in range(h)
        ]
        expected = torch.zeros(grid, dtype=torch.bool)
        for row, column in walk[:hidden]:
            expected[row, column] = True
        mask = DiagonalMasking(ratio, offset)(Layout(grid, 2)).hidden
        assert torch.equal(mask, expected.flatten().expand(2, -1))
        rows = expected.sum(1)
        assert rows.max() - rows.min() <= 1


def test_diagonal_masking_draws_every_offset():
    torch.manual_seed(0)
    mask = DiagonalMasking(0.5)(Layout((2, 4), 200)).hidden
    fixed = [
        DiagonalMasking(0.5, i)(Layout((2, 4), 1)).hidden for i in range(4)
    ]
    drawn = {tuple(row) for row in mask.tolist()}
    assert drawn == {tuple(row[0].tolist()) for row in fixed}


@pytest.mark.parametrize('offset', [-1, 4, 0.5])
def test_diagonal_band_outside_of_the_grid(offset):
    message = f'start in column {offset} of a grid of 3x4; offset must be in'
    with pytest.raises(ValueError, match=message):
        DiagonalMasking(0.5, offset)(Layout((3, 4), 2))


def test_no_masking_keeps_and_predicts_everything():
    plan = NoMasking()(Layout((2, 3), 2))
    assert plan.ids_keep.tolist() == [[0, 1, 2, 3, 4, 5]] * 2
    assert plan.hidden.tolist() == [[False] * 6] * 2
    assert plan.predicted.tolist() == [[True] * 6] * 2


@pytest.mark.parametrize(
    'mask', [[[1, 0], [1, 1]], [[1, 1, 0, 0], [1, 0, 0, 0]], [[0, 0]], [[1]]]
)
def test_unequal_or_empty_outcomes(mask):
    message = 'every image must hide the same number, at least one'
    with pytest.raises(ValueError, match=message):
        hide(torch.tensor(mask).bool())


@pytest.mark.parametrize('ratio', [0, 1, -0.5, 1.5, '0.5', float('nan')])
@EACH
def test_impossible_ratio(build, ratio):
    message = 'mask ratio must lie between 0 and 1, both excluded, got'
    with pytest.raises(ValueError, match=message):
        build(ratio)


def test_drawn_ratio_needs_its_keys():
    message = r"needs \['high', 'low', 'mean', 'std'\], got \['mean'\]"
    with pytest.raises(ValueError, match=message):
        MaskRatio(dict(mean=0.5))


@EACH
@pytest.mark.parametrize(('ratio', 'hidden'), [(0.9, 2), (0.1, 0)])
def test_ratio_that_leaves_or_hides_nothing(build, ratio, hidden):
    message = f'mask ratio of {ratio} hides {hidden} of 2 tokens'
    with pytest.raises(ValueError, match=message):
        build(ratio)(Layout((1, 2), 1))


def test_drawn_ratio_is_a_truncated_normal():
    torch.manual_seed(0)
    ratio = MaskRatio(DRAWN)
    drawn = np.array([ratio.draw() for _ in range(4000)])
    assert drawn.min() >= 0.3
    assert drawn.max() <= 0.7
    # Truncated at 0.8 standard deviations: nearly flat, around the mean.
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.std() == pytest.approx(0.1106, abs=0.003)


def test_one_ratio_a_batch():
    torch.manual_seed(0)
    masking = RandomMasking(DRAWN)
    counts = [masking(Layout((10, 10), 3)).hidden.sum(1) for _ in range(20)]
    assert all(len(set(count.tolist())) == 1 for count in counts)
    totals = {count[0].item() for count in counts}
    assert len(totals) > 5
    assert min(totals) >= 30
    assert max(totals) <= 70


def test_restore_undoes_gather():
    torch.manual_seed(0)
    masked = RandomMasking(0.5)(Layout((4, 4), 3))
    tokens, filler = torch.randn(3, 16, 5), torch.randn(1, 1, 5)
    visible = masked.gather(tokens)
    assert visible.shape == (3, 8, 5)
    full = masked.restore(visible, filler)
    expected = torch.where(masked.hidden[..., None], filler, tokens)
    assert torch.equal(full, expected)


def test_gradients_go_to_visible_tokens_and_filler():
    masked = hide(torch.tensor([[True, False, True, True]]))
    visible = torch.zeros(1, 1, 2, requires_grad=True)
    filler = torch.zeros(1, 1, 2, requires_grad=True)
    masked.restore(visible, filler).sum().backward()
    assert visible.grad.flatten().tolist() == [1, 1]
    assert filler.grad.flatten().tolist() == [3, 3]
