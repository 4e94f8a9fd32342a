"""Attention of deformable DETR, and the masks of PSANet.

B: batch. V: positions of all levels. A: heads. E: channels of a head.
Q: queries. L: levels. R: points a head looks at in each.
"""

import torch
from torch import Tensor

from .gradients import gradients


def attend(
    shapes: list[tuple[int, int]],
    value: Tensor,
    locations: Tensor,
    weights: Tensor,
) -> Tensor:
    """mmcv's own expression in torch, which it takes on a CPU."""
    # At call time: that module imports this extension.
    from mmcv.ops.multi_scale_deform_attn import (
        multi_scale_deformable_attn_pytorch,
    )

    return multi_scale_deformable_attn_pytorch(
        value, shapes, locations, weights
    )


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Weighted sum of what is sampled on maps of several scales.

    Source: Deformable DETR, Zhu et al., https://arxiv.org/abs/2010.04159

    Args:
        value: (B, V, A, E).
        value_spatial_shapes: Height and width of the levels, (L, 2).
        value_level_start_index: Not used.
        sampling_locations: (B, Q, A, L, R, 2), across before down, 0 to 1.
        attention_weights: (B, Q, A, L, R).
        im2col_step: Not used.

    Returns:
        (B, Q, A E).
    """
    return attend(
        value_spatial_shapes.tolist(),
        value,
        sampling_locations,
        attention_weights,
    )


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Gradients of `ms_deform_attn_forward`, added to the `grad_...`."""
    shapes = value_spatial_shapes.tolist()
    found = gradients(
        lambda *tensors: attend(shapes, *tensors),
        [value, sampling_locations, attention_weights],
        grad_output,
    )
    totals = grad_value, grad_sampling_loc, grad_attn_weight
    for total, gradient in zip(totals, found):
        total += gradient


def relative(
    size: tuple[int, int],
    mask: tuple[int, int],
    half: tuple[int, int],
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Where in a mask around one pixel another pixel lies.

    Args:
        size: Height and width of the map.
        mask: Height and width of the mask.
        half: Its middle.
        device: Where to make the tensors.

    Returns:
        The place in the mask, counted row by row, and whether it is in the
        mask at all; both (other pixel, pixel around which the mask lies).
    """
    rows, columns = (torch.arange(length, device=device) for length in size)
    y = rows[:, None] - rows + half[0]
    x = columns[:, None] - columns + half[1]
    inside_y, inside_x = (y >= 0) & (y < mask[0]), (x >= 0) & (x < mask[1])
    count = size[0] * size[1]
    inside = inside_y[:, None, :, None] & inside_x[None, :, None]
    place = y[:, None, :, None] * mask[1] + x[None, :, None]
    place = place.masked_fill(~inside, 0)
    return place.reshape(count, count), inside.reshape(count, count)


def psamask_forward(
    input: Tensor,
    output: Tensor,
    psa_type: int,
    num_: int,
    h_feature: int,
    w_feature: int,
    h_mask: int,
    w_mask: int,
    half_h_mask: int,
    half_w_mask: int,
) -> None:
    """Spread masks that are relative to each pixel over the whole map.

    Source: PSANet, Zhao et al., ECCV 2018.

    Args:
        input: A mask for each pixel, (B, h_mask w_mask, H, W).
        output: Is filled, (B, H W, H, W).
        psa_type: 0 collect, what a pixel gets from each other; 1 distribute,
            what it gives to each other.
        num_: B.
        h_feature: H.
        w_feature: W.
        h_mask: Height of a mask.
        w_mask: Width of a mask.
        half_h_mask: Its middle row.
        half_w_mask: Its middle column.
    """
    place, inside = relative(
        (h_feature, w_feature),
        (h_mask, w_mask),
        (half_h_mask, half_w_mask),
        input.device,
    )
    spread = input.flatten(2).gather(1, place.expand(num_, -1, -1))
    spread = spread.masked_fill(~inside, 0)
    spread = spread if psa_type == 0 else spread.transpose(1, 2)
    output.copy_(spread.reshape_as(output))


def psamask_backward(
    grad_output: Tensor,
    grad_input: Tensor,
    psa_type: int,
    num_: int,
    h_feature: int,
    w_feature: int,
    h_mask: int,
    w_mask: int,
    half_h_mask: int,
    half_w_mask: int,
) -> None:
    """Gradient of `psamask_forward`, added to `grad_input`."""
    place, inside = relative(
        (h_feature, w_feature),
        (h_mask, w_mask),
        (half_h_mask, half_w_mask),
        grad_output.device,
    )
    grad = grad_output.flatten(2)
    grad = grad if psa_type == 0 else grad.transpose(1, 2)
    grad = grad.masked_fill(~inside, 0)
    flat = grad_input.view(*grad_input.shape[:2], -1)
    flat.scatter_add_(1, place.expand(num_, -1, -1), grad)
