import pytest
import torch

from mmmap.evaluation import linear_probe
from mmmap.evaluation.linear import _fits, hold_out
from tests.evaluation.test_knn import clouds


def test_separable_data_are_learnt_to_the_last():
    sets = (*clouds(80, spread=0.05), *clouds(40, spread=0.05, seed=1))
    result = linear_probe(*sets)
    assert result.accuracy == 1
    # Of equally good ones the strongest.
    best = max(result.held_out.values())
    good = [s for s, score in result.held_out.items() if score == best]
    assert result.strength == max(good)


def test_random_labels_give_chance():
    features, _ = clouds(400)
    labels = torch.randint(
        4, (400,), generator=torch.Generator().manual_seed(0)
    )
    half = slice(0, 200), slice(200, 400)
    sets = [x[part] for part in half for x in (features, labels)]
    assert 0.15 < linear_probe(*sets).accuracy < 0.35


def test_weights_are_those_of_scikit_learn():
    linear_model = pytest.importorskip('sklearn.linear_model')
    features, labels = clouds(90, spread=1.5)
    features[:, 0] *= 50
    strength = 0.01
    ((mean, std, weight, bias),) = _fits(features, labels, [strength])
    other = linear_model.LogisticRegression(
        C=1 / (strength * len(features)), tol=1e-8, max_iter=1000
    ).fit(((features - mean) / std).numpy(), labels.numpy())
    torch.testing.assert_close(
        weight.double(), torch.from_numpy(other.coef_).double(), atol=2e-3,
        rtol=1e-3,
    )  # fmt: skip
    # Biases are known but for a constant.
    theirs = torch.from_numpy(other.intercept_).double()
    torch.testing.assert_close(
        bias.double() - bias.mean().double(),
        theirs - theirs.mean(),
        atol=2e-3,
        rtol=1e-3,
    )


def test_the_gradient_is_gone_where_the_fit_ends():
    features, labels = clouds(60)
    strengths = [1.0, 1e-2]
    for strength, fit in zip(strengths, _fits(features, labels, strengths)):
        weight = fit.weight.requires_grad_()
        logits = fit._replace(weight=weight)(features)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss = loss + strength / 2 * weight.square().sum()
        (gradient,) = torch.autograd.grad(loss, weight)
        assert gradient.abs().max() < 1e-4


def test_scale_of_channels_and_constant_ones_do_not_matter():
    train, val = clouds(60), clouds(40, seed=1)
    plain = linear_probe(*train, *val)
    factors = torch.tensor([1e3, 1e-3, 1, 7, 20])

    def distorted(x):
        return torch.cat((x * factors + 5, torch.full((len(x), 1), 3.3)), 1)

    other = linear_probe(
        distorted(train[0]), train[1], distorted(val[0]), val[1]
    )
    assert other.accuracy == pytest.approx(plain.accuracy, abs=0.026)
    assert other.strength == plain.strength


def test_the_choice_never_looks_at_val():
    train, val = clouds(60), clouds(40, seed=1)
    first = linear_probe(*train, *val)
    second = linear_probe(*train, val[0].flip(0), val[1])
    assert first.held_out == second.held_out
    assert first.strength == second.strength
    assert first == linear_probe(*train, *val)


def test_held_out_is_the_same_part_of_each_class():
    labels = torch.tensor([0] * 50 + [1] * 10 + [2] * 2 + [3])
    apart = hold_out(labels, 0.2, seed=0)
    assert [apart[labels == c].sum().item() for c in range(4)] == [10, 2, 1, 0]
    assert torch.equal(apart, hold_out(labels, 0.2, seed=0))
    assert not torch.equal(apart, hold_out(labels, 0.2, seed=1))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(strengths=()), 'must be positive'),
        (dict(strengths=(0.0, 1.0)), 'must be positive'),
        (dict(held_out=1.0), 'between 0 and 1'),
    ],
)
def test_unusable_settings(change, message):
    with pytest.raises(ValueError, match=message):
        linear_probe(*clouds(12), *clouds(4, seed=1), **change)


def test_unusable_samples():
    features, labels = clouds(4)
    with pytest.raises(ValueError, match='one of each class'):
        linear_probe(features, labels, features, labels)
    features, labels = clouds(12)
    with pytest.raises(ValueError, match='of one class'):
        linear_probe(features, labels * 0, features, labels)
    broken = features.clone()
    broken[3] = torch.inf
    with pytest.raises(ValueError, match='1 of 12 features of val'):
        linear_probe(features, labels, broken, labels)
