"""Focal losses.

N: samples. K: classes. p: probability of a class. A target outside the
classes is background.

Source: Focal Loss for Dense Object Detection, Lin et al.,
https://arxiv.org/abs/1708.02002
"""

import torch
from torch import Tensor
from torch.nn import functional

from .gradients import supported


def class_weight(weight: Tensor, target: Tensor) -> Tensor | float:
    """Weight of each sample's class, (N,); 1 for background."""
    if not weight.numel():
        return 1.0
    known = (target >= 0) & (target < len(weight))
    return torch.where(known, weight[target.where(known, 0)], 1)


def terms(input: Tensor, target: Tensor) -> tuple[Tensor, ...]:
    """Which logits should be 1, and p, log(p), log(1 - p), all (N, K)."""
    classes = torch.arange(input.shape[1], device=input.device)
    positive = target[:, None] == classes
    logits = functional.logsigmoid(input), functional.logsigmoid(-input)
    return positive, input.sigmoid(), *logits


def sigmoid_focal_loss_forward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Focal loss of one logit a class.

    Args:
        input: Logits, (N, K).
        target: Classes, (N,).
        weight: Of the classes, (K,); empty for none.
        output: Is filled, (N, K).
        gamma: Power of the error.
        alpha: Weight of what is to be 1; what is to be 0 has 1 - alpha.
    """
    input, weight = supported(input, weight)
    positive, p, log_p, log_n = terms(input, target)
    loss = torch.where(
        positive,
        -alpha * (1 - p) ** gamma * log_p,
        -(1 - alpha) * p**gamma * log_n,
    )
    output.copy_((loss.T * class_weight(weight, target)).T)


def sigmoid_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Derivative of each loss by its logit, into `grad_input`."""
    input, weight = supported(input, weight)
    positive, p, log_p, log_n = terms(input, target)
    slope = torch.where(
        positive,
        -alpha * (1 - p) ** gamma * (1 - p - gamma * p * log_p),
        -(1 - alpha) * p**gamma * (gamma * (1 - p) * log_n - p),
    )
    grad_input.copy_((slope.T * class_weight(weight, target)).T)


def own(softmax: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each sample: whether it has a class, that class, and its p."""
    known = (target >= 0) & (target < softmax.shape[1])
    label = target.where(known, 0)
    return known, label, softmax.gather(1, label[:, None])[:, 0]


def softmax_focal_loss_forward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Focal loss of the probabilities of all classes.

    Args:
        input: Probabilities, (N, K).
        target: Classes, (N,).
        weight: Of the classes, (K,); empty for none.
        output: Is filled, (N,); 0 for background.
        gamma: Power of the error.
        alpha: Factor of all.
    """
    input, weight = supported(input, weight)
    known, _, p = own(input, target)
    log_p = p.clamp(min=torch.finfo(p.dtype).tiny).log()
    loss = -alpha * (1 - p) ** gamma * log_p * class_weight(weight, target)
    output.copy_(loss.masked_fill(~known, 0))


def softmax_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    buff: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Derivative of each loss by its logits, into `grad_input`.

    Args:
        input: Probabilities, (N, K).
        target: Classes, (N,).
        weight: Of the classes, (K,); empty for none.
        buff: Not used.
        grad_input: Is filled, (N, K).
        gamma: Power of the error.
        alpha: Factor of all.
    """
    input, weight = supported(input, weight)
    known, label, p = own(input, target)
    log_p = p.clamp(min=torch.finfo(p.dtype).tiny).log()
    slope = gamma * (1 - p) ** (gamma - 1) * p * log_p - (1 - p) ** gamma
    # Where p is 1 and gamma below 1, the first factor is infinite.
    slope = slope.masked_fill(p == 1, 0 if gamma else -1)
    slope = alpha * slope * class_weight(weight, target)
    slope = slope.masked_fill(~known, 0)[:, None]
    one = functional.one_hot(label, input.shape[1])
    grad_input.copy_(slope * (one - input))
