"""Clouds for tests of operators on points."""

import torch


def cloud(batch, number, seed=0, dtype=torch.float32):
    """Noise, (B, N, 3)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, number, 3, generator=generator, dtype=dtype)


def lattice(batch, number, seed=0):
    """Whole numbers in 0..3: full of duplicates and of equal distances."""
    generator = torch.Generator().manual_seed(seed)
    whole = torch.randint(4, (batch, number, 3), generator=generator)
    return whole.float()
