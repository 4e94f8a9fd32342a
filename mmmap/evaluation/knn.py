"""Classification by the nearest neighbours.

Letters: N training samples, M queries, C channels, K classes.
"""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from .checks import check_pair


def knn_accuracy(
    features: Tensor,
    labels: Tensor,
    queries: Tensor,
    query_labels: Tensor,
    ks: Sequence[int] = (10, 20, 100, 200),
    temperature: float = 0.07,
    chunk: int = 256,
) -> dict[int, float]:
    """Accuracy of the nearest neighbours' votes.

    Neighbours are the samples with the largest cosine similarity s; each
    votes for its class with the weight exp(s / temperature). The class with
    the largest sum wins, or the first of equals.

    Source: Wu et al., "Unsupervised Feature Learning via Non-Parametric
    Instance Discrimination" (CVPR 2018), with the temperature and the numbers
    of neighbours that DINO (Caron et al., ICCV 2021) reports.

    Args:
        features: (N, C).
        labels: (N,).
        queries: (M, C).
        query_labels: (M,).
        ks: Numbers of neighbours.
        temperature: Temperature of the votes.
        chunk: Number of queries to compare at a time.

    Returns:
        The accuracy for each of ``ks``, in [0, 1].

    Raises:
        InputError: Invalid features, labels, numbers of neighbours or
            temperature.
    """
    check_pair(features, labels, queries, query_labels)
    check_votes(ks, temperature, len(features))
    bank = F.normalize(features.float(), dim=1)
    queries = F.normalize(queries.float(), dim=1)
    classes = int(labels.max()) + 1
    right = dict.fromkeys(ks, 0)
    for start in range(0, len(queries), chunk):
        part = slice(start, start + chunk)
        near = (queries[part] @ bank.T).topk(max(ks), dim=1)
        # Relative to the nearest: another scale, but never infinite.
        weight = ((near.values - near.values[:, :1]) / temperature).exp()
        voted = labels[near.indices]
        for k in right:
            votes = weight.new_zeros(len(voted), classes)
            votes.scatter_add_(1, voted[:, :k], weight[:, :k])
            hits = votes.argmax(1) == query_labels[part]
            right[k] += int(hits.sum())
    return {k: count / len(queries) for k, count in right.items()}


def check_votes(ks: Sequence[int], temperature: float, samples: int) -> None:
    """Check the settings of ``knn_accuracy``.

    Args:
        ks: Numbers of neighbours.
        temperature: Temperature of the votes.
        samples: Number of training samples.

    Raises:
        InputError: One is out of range.
    """
    if not ks or min(ks) < 1:
        raise InputError(f'at least one neighbour is needed, got k={list(ks)}')
    if max(ks) > samples:
        raise InputError(
            f'--k has {max(ks)} neighbours, but there are only {samples} '
            'training samples; use smaller numbers'
        )
    if not temperature > 0:
        raise InputError(
            f'the temperature must be positive, got {temperature}'
        )
