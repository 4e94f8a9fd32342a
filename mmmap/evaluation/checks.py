"""Checks of features and labels for a classifier."""

from torch import Tensor

from ..errors import InputError


def check_labelled(name: str, features: Tensor, labels: Tensor) -> None:
    """Check that every feature is finite and has a label.

    Args:
        name: Name of the samples, for the message.
        features: (N, C).
        labels: (N,), whole numbers from 0.

    Raises:
        InputError: Other shapes, no samples, invalid labels, or a value that
            is not finite.
    """
    if features.dim() != 2 or labels.shape != features.shape[:1]:
        raise InputError(
            f'features of {name} must be (N, C) and labels (N,), got '
            f'{tuple(features.shape)} and {tuple(labels.shape)}'
        )
    if not len(features):
        raise InputError(f'{name} has no samples; at least one is needed')
    if labels.is_floating_point() or labels.min() < 0:
        raise InputError(
            f'labels of {name} must be whole numbers from 0, got '
            f'{labels.dtype} with the smallest {labels.min().item()}'
        )
    wrong = (~features.isfinite()).any(1)
    if wrong.any():
        raise InputError(
            f'{wrong.sum().item():,} of {len(features):,} features of {name} '
            'are not finite (NaN or infinite): the checkpoint comes from a '
            'run that diverged, or the images are broken'
        )


def check_pair(
    features: Tensor, labels: Tensor, queries: Tensor, query_labels: Tensor
) -> None:
    """Check a training set and a set of queries.

    Args:
        features: Features of the training samples, (N, C).
        labels: (N,).
        queries: Features of the queries, (M, C).
        query_labels: (M,).

    Raises:
        InputError: See ``check_labelled``; or fewer than two classes, or
            different numbers of channels.
    """
    check_labelled('train', features, labels)
    check_labelled('val', queries, query_labels)
    if features.shape[1] != queries.shape[1]:
        raise InputError(
            f'features of train have {features.shape[1]} channels, those of '
            f'val {queries.shape[1]}: take both from one backbone'
        )
    if (labels == labels[0]).all():
        raise InputError(
            f'all {len(labels):,} samples of train are of one class; '
            'classification needs at least two'
        )
