"""Attention of deformable DETR, and the masks of PSANet.

B: batch. V: positions of all levels. A: heads. E: channels of a head.
Q: queries. L: levels. R: points a head looks at in each.
"""

import torch
from torch import Tensor

from .gradients import gradients, supported


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

    tensors = supported(value, locations, weights)
    output = multi_scale_deformable_attn_pytorch(
        tensors[0], shapes, *tensors[1:]
    )
    return output.to(value)


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
    device: torch.device,
    num_: int,
    h_feature: int,
    w_feature: int,
    h_mask: int,
    w_mask: int,
    half_h_mask: int,
    half_w_mask: int,
) -> tuple[Tensor, Tensor]:
    """Where in a mask around one pixel another pixel lies.

    Args:
        device: Where to make the tensors.
        num_: B.
        h_feature: H.
        w_feature: W.
        h_mask: Height of a mask.
        w_mask: Width of a mask.
        half_h_mask: Its middle row.
        half_w_mask: Its middle column.

    Returns:
        The place in the mask, counted row by row, (B, H W, H W), and whether
        it is in the mask at all, (H W, H W); of the last two axes, the other
        pixel and the pixel around which the mask lies.
    """
    rows = torch.arange(h_feature, device=device)
    columns = torch.arange(w_feature, device=device)
    y = rows[:, None] - rows + half_h_mask
    x = columns[:, None] - columns + half_w_mask
    inside_y, inside_x = (y >= 0) & (y < h_mask), (x >= 0) & (x < w_mask)
    count = h_feature * w_feature
    inside = inside_y[:, None, :, None] & inside_x[None, :, None]
    place = y[:, None, :, None] * w_mask + x[None, :, None]
    place = place.masked_fill(~inside, 0).reshape(count, count)
    return place.expand(num_, -1, -1), inside.reshape(count, count)


def psamask_forward(
    input: Tensor, output: Tensor, psa_type: int, **sizes: int
) -> None:
    """Spread masks that are relative to each pixel over the whole map.

    Source: PSANet, Zhao et al., ECCV 2018.

    Args:
        input: A mask for each pixel, (B, h_mask w_mask, H, W).
        output: Is filled, (B, H W, H, W).
        psa_type: 0 collect, what a pixel gets from each other; 1 distribute,
            what it gives to each other.
        sizes: See `relative`.
    """
    place, inside = relative(input.device, **sizes)
    spread = input.flatten(2).gather(1, place).masked_fill(~inside, 0)
    spread = spread if psa_type == 0 else spread.transpose(1, 2)
    output.copy_(spread.reshape_as(output))


def psamask_backward(
    grad_output: Tensor, grad_input: Tensor, psa_type: int, **sizes: int
) -> None:
    """Gradient of `psamask_forward`, added to `grad_input`."""
    place, inside = relative(grad_output.device, **sizes)
    grad = grad_output.flatten(2)
    grad = grad if psa_type == 0 else grad.transpose(1, 2)
    grad = grad.masked_fill(~inside, 0)
    flat = grad_input.view(*grad_input.shape[:2], -1)
    flat.scatter_add_(1, place, grad)
