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
    """A classifier that in tests looks at clouds several times.

    The first look is at the cloud as it is; the others are at copies of it,
    each axis scaled by a number of its own. Probabilities are averaged.
    Training is that of mmpretrain's ``ImageClassifier``. What is reached by
    voting is to be reported as such.

    Args:
        *args: Of ``ImageClassifier``.
        votes: Looks at each cloud.
        scale: Smallest and largest factor.
        seed: Of the factors, which are the same for every batch.
        **kwargs: Of ``ImageClassifier``.

    Raises:
        InputError: Less than one vote.
    """

    def __init__(
        self,
        *args,
        votes: int = 10,
        scale: tuple[float, float] = (2 / 3, 3 / 2),
        seed: int = 0,
        **kwargs,
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
        # The head takes a softmax of what it is given.
        return self.head._get_predictions(mean.log(), data_samples)
