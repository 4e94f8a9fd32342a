"""Classification of point clouds by vote.

Letters: B batch, N points.
"""

import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from torch import Tensor

from ...errors import InputError


@MODELS.register_module()
class VotingClassifier(ImageClassifier):
    """A classifier that averages over scaled copies of a cloud in tests.

    The first vote is on the unchanged cloud; the others are on copies with
    each axis scaled by its own random factor. Probabilities are averaged.
    Training is that of mmpretrain's ``ImageClassifier``. Report results with
    voting as such.

    Args:
        *args: See ``ImageClassifier``.
        votes: Votes for each cloud.
        scale: Smallest and largest factor.
        seed: Seed of the factors, which are the same for every batch.
        **kwargs: See ``ImageClassifier``.

    Raises:
        InputError: Fewer than one vote.
    """

    def __init__(
        self,
        *args: object,
        votes: int = 10,
        scale: tuple[float, float] = (2 / 3, 3 / 2),
        seed: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)
        if votes < 1:
            raise InputError(f'votes must be at least 1, got {votes}')
        generator = torch.Generator().manual_seed(seed)
        factors = torch.rand(votes, 3, generator=generator)
        low, high = scale
        self.register_buffer(
            'factors', low + (high - low) * factors, persistent=False
        )
        self.factors[0] = 1

    def predict(
        self, inputs: Tensor, data_samples: list | None = None, **kwargs
    ) -> list:
        """Classify clouds (B, N, 3)."""
        scores = [
            self.head(self.extract_feat(inputs * factors)).float().softmax(1)
            for factors in self.factors
        ]
        mean = torch.stack(scores).mean(0)
        # The head applies a softmax to its input.
        return self.head._get_predictions(mean.log(), data_samples)
