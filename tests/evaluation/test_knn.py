import math

import pytest
import torch

from mmmap.evaluation import knn_accuracy


def clouds(samples, classes=4, channels=5, spread=1.0, seed=0):
    """Points around a centre for each class: features and labels."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(
        classes, channels, generator=torch.Generator().manual_seed(9)
    )
    labels = torch.arange(samples) % classes
    noise = torch.randn(samples, channels, generator=generator)
    return centres[labels] + spread * noise, labels


def by_loops(features, labels, queries, query_labels, k, temperature):
    """The same by plain numbers."""
    right = 0
    for query, wanted in zip(queries.tolist(), query_labels.tolist()):
        near = []
        for sample, label in zip(features.tolist(), labels.tolist()):
            dot = sum(a * b for a, b in zip(query, sample))
            near.append(
                (dot / math.hypot(*query) / math.hypot(*sample), label)
            )
        near.sort(key=lambda pair: -pair[0])
        votes = {}
        for cosine, label in near[:k]:
            weight = math.exp(cosine / temperature)
            votes[label] = votes.get(label, 0) + weight
        right += max(votes, key=votes.get) == wanted
    return right / len(queries)


@pytest.mark.parametrize('temperature', [0.07, 1.0])
def test_as_by_loops(temperature):
    sets = (*clouds(60), *clouds(33, seed=1))
    ks = (1, 4, 17, 60)
    found = knn_accuracy(*sets, ks, temperature, chunk=7)
    assert found == {k: by_loops(*sets, k, temperature) for k in ks}
    assert len(set(found.values())) > 1


def test_votes_by_hand():
    """One close neighbour of class 0 against two farther ones of class 1."""
    angles = torch.tensor([0.1, 0.8, 0.9])
    features = torch.stack([angles.cos(), angles.sin()], 1) * 3
    labels = torch.tensor([0, 1, 1])
    query, truth = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    sets = features, labels, query, truth
    # exp(0.995/t) against exp(0.697/t) + exp(0.622/t): the turn is at 0.4.
    assert knn_accuracy(*sets, (1, 3), 0.1) == {1: 1, 3: 1}
    assert knn_accuracy(*sets, (1, 3), 1.0) == {1: 1, 3: 0}


def test_very_sharp_votes_stay_numbers():
    sets = (*clouds(20, spread=0.01), *clouds(8, spread=0.01, seed=1))
    assert knn_accuracy(*sets, (5,), 1e-4) == {5: 1.0}


def test_a_class_that_only_val_has_is_never_guessed():
    features, labels = clouds(12)
    alike = features, labels, features, labels + 4
    assert knn_accuracy(*alike, (1,)) == {1: 0.0}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(ks=(1, 13)), '13 neighbours, but there are only 12'),
        (dict(ks=()), 'at least one neighbour'),
        (dict(ks=(0,)), 'at least one neighbour'),
        (dict(temperature=0), 'must be positive'),
        (dict(labels=torch.ones(12, dtype=int)), 'of one class'),
        (dict(labels=torch.ones(11, dtype=int)), r'\(12, 5\) and \(11,\)'),
        (dict(labels=torch.ones(12)), 'whole numbers'),
        (dict(features=torch.full((12, 5), torch.nan)), '12 of 12 features'),
        (dict(queries=torch.zeros(0, 5)), r'\(0, 5\)'),
        (dict(queries=torch.zeros(3, 4)), '5 channels, those of val 4'),
    ],
)
def test_what_cannot_be_used(change, message):
    (features, labels), (queries, truth) = clouds(12), clouds(3, seed=1)
    settings = dict(
        features=features,
        labels=labels,
        queries=queries,
        query_labels=truth,
        ks=(1,),
    )
    with pytest.raises(ValueError, match=message):
        knn_accuracy(**settings | change)
