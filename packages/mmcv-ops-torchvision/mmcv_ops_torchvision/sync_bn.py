"""The steps of mmcv's batch normalisation over several processes.

B C L: batch, channels and the positions of an image in one axis.
"""

from torch import Tensor


def sync_bn_forward_mean(input: Tensor, mean: Tensor) -> None:
    """Write the mean of each channel of (B, C, L) to `mean`."""
    mean.copy_(input.float().mean((0, 2)))


def sync_bn_forward_var(input: Tensor, mean: Tensor, var: Tensor) -> None:
    """Write the mean square of the distance from `mean` to `var`."""
    var.copy_((input.float() - mean[:, None]).square().mean((0, 2)))


def sync_bn_forward_output(
    input: Tensor,
    mean: Tensor,
    var: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    norm: Tensor,
    std: Tensor,
    output: Tensor,
    eps: float,
    momentum: float,
    group_size: int,
) -> None:
    """Normalise, and move the running statistics.

    Args:
        input: (B, C, L).
        mean: (C,).
        var: (C,).
        weight: (C,).
        bias: (C,).
        running_mean: Is moved towards the mean, (C,).
        running_var: Is moved towards the unbiased variance, (C,).
        norm: Is filled with what is normalised, (B, C, L).
        std: Is filled with the standard deviation, (C,).
        output: Is filled, (B, C, L).
        eps: Is added to the variance.
        momentum: How far the statistics move, 0 to 1.
        group_size: Number of processes.
    """
    std.copy_((var + eps).sqrt())
    norm.copy_((input.float() - mean[:, None]) / std[:, None])
    output.copy_(norm * weight[:, None] + bias[:, None])
    count = input.shape[0] * input.shape[2] * group_size
    unbiased = var * count / (count - 1) if count > 1 else var
    momentum = float(momentum)
    for running, now in ((running_mean, mean), (running_var, unbiased)):
        running.copy_(momentum * now + (1 - momentum) * running)


def sync_bn_backward_param(
    grad_output: Tensor, norm: Tensor, grad_weight: Tensor, grad_bias: Tensor
) -> None:
    """Write the gradients of weight and bias, both (C,)."""
    grad = grad_output.float()
    grad_weight.copy_((grad * norm).sum((0, 2)))
    grad_bias.copy_(grad.sum((0, 2)))


def sync_bn_backward_data(
    grad_output: Tensor,
    weight: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    norm: Tensor,
    std: Tensor,
    grad_input: Tensor,
) -> None:
    """Write the gradient of the input, (B, C, L)."""
    count = norm.shape[0] * norm.shape[2]
    shared = grad_weight[:, None] * norm + grad_bias[:, None]
    grad = grad_output.float() - shared / count
    grad_input.copy_(weight[:, None] * grad / std[:, None])
