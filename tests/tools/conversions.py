"""What the tests of converters share."""

import torch


def save(content, path):
    """Write a checkpoint; returns its path."""
    torch.save(content, path)
    return path


def load(path):
    """Read a checkpoint."""
    return torch.load(path, weights_only=True)


def same(left, right):
    """Two state dicts are equal bit by bit, in the same types."""
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value.dtype == right[name].dtype
        assert torch.equal(value, right[name]), name
