"""A linear classifier on frozen features.

Letters: N training samples, M queries, C channels, K classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from .checks import check_pair

STRENGTHS = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)


class ProbeResult(NamedTuple):
    """The result of a linear probe.

    Args:
        accuracy: Accuracy on the queries, in [0, 1].
        strength: The chosen strength of the regularisation.
        held_out: Accuracy on the held-out part of train for each strength.
    """

    accuracy: float
    strength: float
    held_out: dict[float, float]


def linear_probe(
    features: Tensor,
    labels: Tensor,
    queries: Tensor,
    query_labels: Tensor,
    strengths: Sequence[float] = STRENGTHS,
    held_out: float = 0.2,
    seed: int = 0,
) -> ProbeResult:
    """Accuracy of a multinomial logistic regression.

    Channels are standardised by the training samples. The strength of the
    regularisation is chosen on a held-out part of train, with the same share
    of each class, and never on the queries; of equally good ones, the
    strongest is used. The final fit is on all of train.

    Args:
        features: (N, C).
        labels: (N,).
        queries: (M, C).
        query_labels: (M,).
        strengths: Factors of half the squared norm of the weights, added to
            the mean cross entropy.
        held_out: Share of each class to hold out.
        seed: Seed of the held-out part.

    Raises:
        InputError: Invalid features, labels or settings.
    """
    check_pair(features, labels, queries, query_labels)
    if not strengths or not min(strengths) > 0:
        raise InputError(f'strengths must be positive, got {list(strengths)}')
    if not 0 < held_out < 1:
        raise InputError(f'held_out must be between 0 and 1, got {held_out}')
    strongest_first = sorted(set(strengths), reverse=True)
    apart = hold_out(labels, held_out, seed)
    learnt = _fits(features[~apart], labels[~apart], strongest_first)
    scores = {
        strength: _accuracy(model, features[apart], labels[apart])
        for strength, model in zip(strongest_first, learnt)
    }
    best = max(strongest_first, key=scores.__getitem__)
    # From the strongest down to it, as in the search.
    path = [s for s in strongest_first if s >= best]
    *_, model = _fits(features, labels, path)
    return ProbeResult(_accuracy(model, queries, query_labels), best, scores)


def hold_out(labels: Tensor, part: float, seed: int) -> Tensor:
    """Which samples are held out, (N,) bool: a share of each class.

    At least one sample of each class stays for training.

    Args:
        labels: (N,).
        part: In (0, 1).
        seed: Seed of the draw.

    Raises:
        InputError: No class has enough samples.
    """
    generator = torch.Generator().manual_seed(seed)
    apart = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique().cpu():
        places = (labels.cpu() == label).nonzero()[:, 0]
        count = min(max(round(part * len(places)), 1), len(places) - 1)
        order = torch.randperm(len(places), generator=generator)
        apart[places[order[:count]]] = True
    if not apart.any():
        raise InputError(
            f'train has {len(labels)} samples, one of each class: none can '
            'be held out to choose the regularisation by; more are needed'
        )
    return apart.to(labels.device)


class _Linear(NamedTuple):
    """Weights (K, C) and bias (K,) for standardised features."""

    mean: Tensor
    std: Tensor
    weight: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        x = (features.float() - self.mean) / self.std
        return F.linear(x, self.weight, self.bias)


def _fits(features: Tensor, labels: Tensor, strengths: Sequence[float]):
    """The fit for each strength in turn, starting from the previous one."""
    features = features.float()
    mean = features.mean(0)
    # A constant channel has no information, and would divide by zero.
    std = features.std(0, correction=0)
    std = torch.where(std > 1e-6 * (1 + mean.abs()), std, torch.inf)
    x = (features - mean) / std
    classes = int(labels.max()) + 1
    weight = x.new_zeros(classes, x.shape[1], requires_grad=True)
    bias = x.new_zeros(classes, requires_grad=True)
    for strength in strengths:
        _minimise(x, labels, weight, bias, strength)
        yield _Linear(
            mean, std, weight.detach().clone(), bias.detach().clone()
        )


@torch.enable_grad()
def _minimise(
    x: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, strength: float
) -> None:
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=200,
        tolerance_grad=1e-5,
        tolerance_change=1e-8,
        line_search_fn='strong_wolfe',
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(F.linear(x, weight, bias), labels)
        loss = loss + strength / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)


def _accuracy(model: _Linear, features: Tensor, labels: Tensor) -> float:
    guessed = model(features).argmax(1)
    return (guessed == labels).float().mean().item()
