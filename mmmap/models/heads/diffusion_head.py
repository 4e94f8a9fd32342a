"""A diffusion model of each patch, instead of a single prediction.

Letters: B batch, L tokens, E channels of the decoder, D numbers of a patch,
N hidden tokens of a batch, T timesteps.

Source: the loss of MAR (Li et al., arXiv 2406.11838) on the cosine schedule of
Nichol and Dhariwal (arXiv 2102.09672); sampling is DDIM (Song et al., arXiv
2010.02502).
"""

import math

import torch
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor

from ...errors import InputError
from ..layers import DenoisingMLP
from .checks import ONE_PATCH, check_sizes


def cosine_schedule(timesteps: int) -> Tensor:
    """Share of the signal's variance that is left after each timestep.

    No step removes more than 99.9 % of the rest.

    Args:
        timesteps: T.

    Returns:
        (T,), fp32, falling from almost 1 to almost 0.
    """
    time = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    wave = torch.cos((time + 0.008) / 1.008 * math.pi / 2).square()
    kept = (wave[1:] / wave[:-1]).clamp(min=1e-3)
    return kept.cumprod(0).float()


@MODELS.register_module()
class DiffusionHead(BaseModule):
    """Learn the distribution of each hidden patch by denoising it.

    The denoiser is an MLP that takes one noisy patch and the decoder's output
    for it. The loss is the squared error of the estimated noise; an untrained
    head has a loss of 1.

    Args:
        in_channels: E.
        patch_size: Patch edge in pixels.
        out_channels: Channels of the image.
        hid_channels: Channels of the denoiser.
        depth: Residual blocks of the denoiser.
        timesteps: T.
        repeats: Noise samples for each hidden patch and loss.
        sampling_steps: Timesteps that sampling visits, evenly spaced.
        clip: Largest absolute value of an estimated patch while sampling;
            normalised pixels lie within a few standard deviations.

    Raises:
        InputError: A count below 1, or more sampling steps than timesteps.
    """

    def __init__(
        self,
        in_channels: int,
        patch_size: int = 16,
        out_channels: int = 3,
        hid_channels: int = 1024,
        depth: int = 3,
        timesteps: int = 1000,
        repeats: int = 4,
        sampling_steps: int = 25,
        clip: float = 5.0,
    ) -> None:
        super().__init__()
        if min(repeats, sampling_steps) < 1 or sampling_steps > timesteps:
            raise InputError(
                'repeats and sampling_steps must be at least 1, and '
                f'sampling_steps at most timesteps; got repeats={repeats}, '
                f'sampling_steps={sampling_steps}, timesteps={timesteps}'
            )
        self.in_channels = in_channels
        self.channels = patch_size**2 * out_channels
        self.repeats = repeats
        self.sampling_steps = sampling_steps
        self.clip = clip
        self.denoiser = DenoisingMLP(
            self.channels, in_channels, hid_channels, depth
        )
        signal = cosine_schedule(timesteps)
        self.register_buffer('signal', signal, persistent=False)

    def loss(self, features: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Mean squared error of the estimated noise, over hidden patches.

        Timesteps and noises come from torch's global random state.

        Args:
            features: (B, L, E).
            target: (B, L, D).
            mask: (B, L) bool, True where a patch was hidden.

        Returns:
            A scalar.

        Raises:
            InputError: Features or target do not fit this head's sizes.
        """
        check_sizes(
            features, target, self.in_channels, (self.channels,), ONE_PATCH
        )
        condition = features[mask].repeat(self.repeats, 1)
        clean = target[mask].float().repeat(self.repeats, 1)  # (N*repeats, D)
        timestep = torch.randint(
            len(self.signal), clean.shape[:1], device=clean.device
        )
        noise = torch.randn_like(clean)
        noisy = self.add_noise(clean, noise, timestep)
        estimate = self.denoiser(noisy, timestep, condition)
        return (estimate.float() - noise).square().mean()

    def add_noise(
        self, clean: Tensor, noise: Tensor, timestep: Tensor
    ) -> Tensor:
        """Add the noise of timesteps (N,) to vectors (N, D)."""
        signal = self.signal[timestep, None]
        return signal.sqrt() * clean + (1 - signal).sqrt() * noise

    @torch.no_grad()
    def forward(
        self, features: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Sample a patch for every token, without gradients.

        Args:
            features: (B, L, E).
            generator: Generator of the initial noise, on the features'
                device; by default torch's global one. The steps add no noise.

        Returns:
            (B, L, D), fp32.
        """
        condition = features.flatten(0, 1)
        x = torch.randn(
            len(condition),
            self.channels,
            generator=generator,
            device=features.device,
        )
        steps = torch.linspace(
            len(self.signal) - 1, 0, self.sampling_steps, dtype=torch.float64
        )
        levels = [*self.signal[steps.round().long()], torch.ones(())]
        for step, signal, after in zip(steps.round(), levels, levels[1:]):
            timestep = torch.full_like(x[:, 0], step, dtype=torch.long)
            noise = self.denoiser(x, timestep, condition).float()
            clean = (x - (1 - signal).sqrt() * noise) / signal.sqrt()
            # In the first steps a small error in the noise is a large error
            # in the patch; clip values that no patch has.
            clean = clean.clamp(-self.clip, self.clip)
            noise = (x - signal.sqrt() * clean) / (1 - signal).sqrt()
            x = after.sqrt() * clean + (1 - after).sqrt() * noise
        return x.unflatten(0, features.shape[:2])
