import pytest
import torch


@pytest.fixture(autouse=True)
def poisoned():
    """What is allocated without being written is NaN, and shows."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)
