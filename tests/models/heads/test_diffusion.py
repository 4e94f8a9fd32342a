"""The diffusion head: its schedule, its loss by hand, its samples."""

import math

import pytest
import torch

from mmmap.models.heads import DiffusionHead
from mmmap.models.heads.diffusion_head import cosine_schedule
from tests.models.tiny import without_gradient


def build(in_channels=2, colours=1, **options):
    """A head of patches of one pixel."""
    torch.manual_seed(0)
    sizes = dict(
        patch_size=1,
        out_channels=colours,
        hid_channels=32,
        sampling_steps=min(options.get('timesteps', 25), 25),
    )
    return DiffusionHead(in_channels, **sizes | options)


@pytest.fixture
def batch():
    """Features, target and mask of six tokens, three of them hidden."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 3, 2, generator=generator)
    target = torch.randn(2, 3, 4, generator=generator)
    mask = torch.tensor([[True, False, False], [False, True, True]])
    return features, target, mask


def test_schedule_is_the_cosine():
    signal = cosine_schedule(1000)
    assert signal.shape == (1000,)

    def wave(time):
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    for step in (0, 10, 499, 900, 998):
        expected = wave((step + 1) / 1000) / wave(0)
        assert signal[step].item() == pytest.approx(expected, rel=1e-4)
    # The last step would remove everything; 0.1 % of the variance is kept.
    assert signal[999] / signal[998] == pytest.approx(1e-3, rel=1e-4)


@pytest.mark.parametrize('timesteps', [1, 10, 1000])
def test_schedule_falls_from_signal_to_noise(timesteps):
    signal = cosine_schedule(timesteps)
    assert ((signal > 0) & (signal < 1)).all()
    assert (signal[1:] < signal[:-1]).all()
    assert signal[-1] <= 1e-3


def test_noise_keeps_the_variance_of_normalised_pixels():
    head = build(timesteps=7)
    clean, noise = torch.randn(2, 20000, 1)
    for step in range(7):
        noisy = head.add_noise(clean, noise, torch.full((20000,), step))
        assert noisy.var().item() == pytest.approx(1, abs=0.05)
        kept = (noisy * clean).mean().square()
        torch.testing.assert_close(kept, head.signal[step], rtol=0, atol=0.03)


def test_loss_of_a_denoiser_that_returns_zeros(batch):
    """The mean square of the noise itself, by the same random numbers."""
    head = build(colours=4, repeats=3000)
    torch.manual_seed(7)
    loss = head.loss(*batch)
    torch.manual_seed(7)
    torch.randint(1000, (9000,))
    noise = torch.randn(9000, 4)
    torch.testing.assert_close(loss, noise.square().mean())
    assert loss.item() == pytest.approx(1, abs=0.03)


def test_loss_by_hand(batch):
    """One hidden token after another, with a denoiser made up here."""
    features, target, mask = batch
    head = build(colours=4, timesteps=50, repeats=2)
    head.denoiser.forward = lambda x, t, c: (
        0.5 * x + 0.01 * t[:, None] + c.sum(-1, keepdim=True)
    )
    torch.manual_seed(7)
    loss = head.loss(features, target, mask)
    torch.manual_seed(7)
    timesteps = torch.randint(50, (6,)).tolist()
    noises = torch.randn(6, 4)
    errors = []
    hidden = [(0, 0), (1, 1), (1, 2)] * 2
    for (b, i), t, noise in zip(hidden, timesteps, noises, strict=True):
        signal = head.signal[t].item()
        noisy = math.sqrt(signal) * target[b, i]
        noisy = noisy + math.sqrt(1 - signal) * noise
        guess = 0.5 * noisy + 0.01 * t + features[b, i].sum()
        errors.append((guess - noise).square().mean())
    torch.testing.assert_close(loss, torch.stack(errors).mean())


def test_visible_tokens_do_not_count(batch):
    features, target, mask = batch
    head = build(colours=4)
    torch.nn.init.normal_(head.denoiser.output.proj.weight)
    losses = []
    for shift in (0, 5):
        torch.manual_seed(7)
        other = (target + shift).where(~mask[..., None], target)
        losses.append(head.loss(features, other, mask))
    assert losses[0] == losses[1]


def test_every_parameter_has_a_gradient_and_so_has_the_decoder(batch):
    features, target, mask = batch
    head = build(colours=4)
    # Off its init, where all but the last layer's vanish.
    for parameter in head.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    features.requires_grad_()
    head.loss(features, target, mask).backward()
    assert not without_gradient(head)
    assert torch.equal(features.grad.any(-1), mask)


def test_loss_is_in_fp32_under_autocast(batch):
    head = build(colours=4)
    torch.nn.init.normal_(head.denoiser.output.proj.weight, std=0.1)
    losses = []
    for enabled in (False, True):
        torch.manual_seed(7)
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            losses.append(head.loss(*batch))
    assert losses[1].dtype == torch.float32
    torch.testing.assert_close(*losses, rtol=0.02, atol=0)


def exact_noise(head, mean, std):
    """The best estimate of the noise in a normal variable."""

    def denoise(x, timestep, condition):
        signal = head.signal[timestep, None]
        variance = signal * std**2 + 1 - signal
        return (1 - signal).sqrt() * (x - signal.sqrt() * mean) / variance

    return denoise


def test_sampling_with_the_exact_noise_gives_the_distribution():
    head = build(sampling_steps=100)
    head.denoiser.forward = exact_noise(head, mean=1.5, std=0.4)
    generator = torch.Generator().manual_seed(3)
    drawn = head(torch.zeros(2, 5000, 2), generator)
    assert drawn.shape == (2, 5000, 1)
    assert drawn.mean().item() == pytest.approx(1.5, abs=0.02)
    assert drawn.std().item() == pytest.approx(0.4, abs=0.02)


@pytest.mark.slow
def test_sampling_learns_distributions_of_two_conditions():
    """Of one dimension each: N(-1, 0.3) and N(2, 0.6)."""
    means, stds = torch.tensor([-1.0, 2.0]), torch.tensor([0.3, 0.6])
    head = build(depth=1, repeats=1, timesteps=200, sampling_steps=50)
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
    steps = 500
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    features = torch.eye(2).repeat_interleave(256, 0)[None]
    mask = torch.ones(1, 512, dtype=torch.bool)
    for _ in range(steps):
        noise = torch.randn(1, 512, 1)
        target = features @ means[:, None] + noise * (features @ stds[:, None])
        optimizer.zero_grad()
        head.loss(features, target, mask).backward()
        optimizer.step()
        schedule.step()
    drawn = head(torch.eye(2).repeat_interleave(2000, 0)[None])
    drawn = drawn.view(2, 2000)
    torch.testing.assert_close(drawn.mean(1), means, rtol=0, atol=0.1)
    torch.testing.assert_close(drawn.std(1), stds, rtol=0, atol=0.1)


def test_samples_follow_from_the_generator():
    head, features = build(), torch.zeros(1, 6, 2)
    head.denoiser.forward = exact_noise(head, mean=4, std=1)

    def drawn(seed):
        return head(features, torch.Generator().manual_seed(seed))

    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))
    assert drawn(0).abs().max() <= 5


def test_bad_input(batch):
    features, target, mask = batch
    with pytest.raises(ValueError, match='decoder gives 2 channels.*takes 3'):
        build(in_channels=3, colours=4).loss(features, target, mask)
    with pytest.raises(ValueError, match=r'target is \(2, 3, 4\).*\(2, 3, 5'):
        build(colours=5).loss(features, target, mask)
    with pytest.raises(ValueError, match='got repeats=1, sampling_steps=9'):
        build(repeats=1, sampling_steps=9, timesteps=5)
    with pytest.raises(ValueError, match='must be at least 1.*repeats=0'):
        build(repeats=0)
