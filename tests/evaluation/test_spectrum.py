"""Effective rank and deviation of features."""

import pytest
import torch

from mmmap.errors import InputError
from mmmap.evaluation import effective_rank, feature_deviation


@pytest.mark.parametrize('rank', [1, 3, 8])
def test_rank_of_equal_singular_values_is_their_number(rank):
    left, _ = torch.linalg.qr(torch.randn(20, 20))
    right, _ = torch.linalg.qr(torch.randn(8, 8))
    features = 5 * left[:, :rank] @ right[:rank]
    assert effective_rank(features) == pytest.approx(rank, rel=1e-4)


def test_rank_follows_the_entropy_of_singular_values():
    features = torch.diag(torch.tensor([3.0, 1.0]))
    # exp(-(3/4 log 3/4 + 1/4 log 1/4))
    assert effective_rank(features) == pytest.approx(1.7548, abs=1e-4)


def test_deviation_is_one_in_all_directions_and_zero_in_one():
    torch.manual_seed(0)
    assert feature_deviation(torch.randn(4000, 64)) == pytest.approx(
        1, abs=0.01
    )
    lengths = torch.rand(50, 1) + 1
    assert feature_deviation(lengths * torch.ones(1, 64)) < 1e-7


@pytest.mark.parametrize(
    ('features', 'message'),
    [
        (torch.ones(1, 3), 'two samples or more'),
        (torch.ones(3), 'two samples or more'),
        (torch.full((3, 3), torch.nan), 'must be finite'),
    ],
)
def test_unusable_features(features, message):
    for measure in (effective_rank, feature_deviation):
        with pytest.raises(InputError, match=message):
            measure(features)
