"""Convolutions with moved, masked or predicted kernels.

B C H W: the input. O: channels out. h w: the output. K: numbers in a kernel.
G: groups.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .gradients import gradients, supported

# What mmcv calls the strides, paddings and dilations, down before across, the
# groups of channels, and those that share offsets.
GEOMETRY = (
    *('dH', 'dW', 'padH', 'padW', 'dilationH', 'dilationW'),
    *('group', 'deformable_group'),
)
MODULATED_GEOMETRY = (
    *('stride_h', 'stride_w', 'pad_h', 'pad_w', 'dilation_h', 'dilation_w'),
    *('group', 'deformable_group'),
)


def deform_conv(operator, tensors, grad, geometry):
    """Call torchvision's operator or its gradient.

    Args:
        operator: One of `torch.ops.torchvision`.
        tensors: Input, weight, offset, mask or None, bias or None.
        grad: Gradient of the output, or None for the forward operator.
        geometry: The values of `GEOMETRY`.
    """
    given = [tensor for tensor in (*tensors, grad) if tensor is not None]
    given = iter(supported(*given))
    *tensors, grad = (
        None if tensor is None else next(given) for tensor in (*tensors, grad)
    )
    image, weight, offset, mask, bias = tensors
    use_mask = mask is not None
    mask = image.new_zeros(len(image), 1) if mask is None else mask
    bias = image.new_zeros(len(weight)) if bias is None else bias
    head = (image,) if grad is None else (grad, image)
    return operator(*head, weight, offset, mask, bias, *geometry, use_mask)


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    **sizes: int,
) -> None:
    """Convolution whose samples are moved by offsets.

    Args:
        input: (B, C, H, W).
        weight: (O, C / groups, kH, kW).
        offset: (B, 2 K deformable groups, h, w), down before across.
        output: Is filled, (B, O, h, w).
        columns: Not used.
        ones: Not used.
        sizes: Those in `GEOMETRY`; kH, kW and im2col_step are not used.
    """
    result = deform_conv(
        torch.ops.torchvision.deform_conv2d,
        (input, weight, offset, None, None),
        None,
        [sizes[name] for name in GEOMETRY],
    )
    output.copy_(result)


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,
    gradInput: Tensor,
    gradOffset: Tensor,
    weight: Tensor,
    columns: Tensor,
    **sizes: int,
) -> None:
    """Gradients of input and offset, added to `gradInput`, `gradOffset`.

    torchvision computes that of the weight with them. It is kept in
    `columns`, the buffer that mmcv then hands to
    `deform_conv_backward_parameters`.
    """
    found = deform_conv(
        torch.ops.torchvision._deform_conv2d_backward,
        (input, weight, offset, None, None),
        gradOutput,
        [sizes[name] for name in GEOMETRY],
    )
    gradInput += found[0]
    gradOffset += found[2]
    columns.set_(found[1].to(columns))


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,
    gradWeight: Tensor,
    columns: Tensor,
    ones: Tensor,
    scale: float,
    **sizes: int,
) -> None:
    """Gradient of the weight, added to `gradWeight`."""
    if columns.shape != gradWeight.shape:  # neither input nor offset wants one
        found = deform_conv(
            torch.ops.torchvision._deform_conv2d_backward,
            (input, gradWeight, offset, None, None),
            gradOutput,
            [sizes[name] for name in GEOMETRY],
        )
        columns = found[1]
    gradWeight += scale * columns


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    with_bias: bool,
    **sizes: int,
) -> None:
    """Convolution whose samples are moved by offsets and weighted by a mask.

    Args:
        input: (B, C, H, W).
        weight: (O, C / groups, kernel_h, kernel_w).
        bias: (O,); empty for none.
        ones: Not used.
        offset: (B, 2 K deformable groups, h, w), down before across.
        mask: (B, K deformable groups, h, w).
        output: Is filled, (B, O, h, w).
        columns: Not used.
        with_bias: Whether there is a bias.
        sizes: Those in `MODULATED_GEOMETRY`; kernel_h and kernel_w are not
            used.
    """
    result = deform_conv(
        torch.ops.torchvision.deform_conv2d,
        (input, weight, offset, mask, bias if with_bias else None),
        None,
        [sizes[name] for name in MODULATED_GEOMETRY],
    )
    output.copy_(result)


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    with_bias: bool,
    **sizes: int,
) -> None:
    """Gradients of `modulated_deform_conv_forward`, added to `grad_...`."""
    found = deform_conv(
        torch.ops.torchvision._deform_conv2d_backward,
        (input, weight, offset, mask, bias if with_bias else None),
        grad_output,
        [sizes[name] for name in MODULATED_GEOMETRY],
    )
    totals = grad_input, grad_weight, grad_offset, grad_mask, grad_bias
    for total, gradient in zip(totals[: 4 + with_bias], found):
        total += gradient


def masked_im2col_forward(
    im: Tensor,
    mask_h_idx: Tensor,
    mask_w_idx: Tensor,
    col: Tensor,
    kernel_h: int,
    kernel_w: int,
    pad_h: int,
    pad_w: int,
) -> None:
    """What a convolution multiplies its kernel with, at chosen places.

    Args:
        im: (1, C, H, W).
        mask_h_idx: Rows of the output, (M,).
        mask_w_idx: Columns of the output, (M,).
        col: Is filled, (C kernel_h kernel_w, M).
        kernel_h: Height of the kernel.
        kernel_w: Width of the kernel.
        pad_h: Padding down.
        pad_w: Padding across.
    """
    # Padded behind too, for outputs larger than the convolution's.
    padded = functional.pad(im[0], (pad_w, kernel_w, pad_h, kernel_h))
    device = im.device
    rows = torch.arange(kernel_h, device=device)[:, None, None] + mask_h_idx
    columns = torch.arange(kernel_w, device=device)[:, None] + mask_w_idx
    col.copy_(padded[:, rows, columns].reshape_as(col))


def masked_col2im_forward(
    col: Tensor,
    mask_h_idx: Tensor,
    mask_w_idx: Tensor,
    im: Tensor,
    height: int,
    width: int,
    channels: int,
) -> None:
    """Write columns to chosen places of a map.

    Args:
        col: (C, M).
        mask_h_idx: Rows, (M,).
        mask_w_idx: Columns, (M,).
        im: Is filled there, (1, C, H, W).
        height: H.
        width: W.
        channels: C.
    """
    im[0, :, mask_h_idx, mask_w_idx] = col


def carafe(features: Tensor, masks: Tensor, kernel: int, groups: int):
    """Upsampling by kernels that are predicted for each pixel.

    Source: CARAFE, Wang et al., https://arxiv.org/abs/1905.02188

    Args:
        features: (B, C, H, W).
        masks: (B, G kernel², H scale, W scale).
        kernel: Width of the kernels.
        groups: G, groups of channels that share kernels.

    Returns:
        (B, C, H scale, W scale).
    """
    kind = features.dtype
    features, masks = supported(features, masks)
    batch, channels, height, width = features.shape
    scale = masks.shape[-1] // width
    around = functional.unfold(features, kernel, padding=kernel // 2)
    shared = channels // groups
    around = around.view(batch, groups, shared, kernel**2, height, width)
    masks = masks.view(batch, groups, kernel**2, height, scale, width, scale)
    output = torch.einsum('bgckhw,bgkhiwj->bgchiwj', around, masks)
    size = height * scale, width * scale
    return output.reshape(batch, channels, *size).to(kind)


def carafe_naive_forward(
    features: Tensor,
    masks: Tensor,
    output: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> None:
    """Write what `carafe` returns to `output`."""
    output.copy_(carafe(features, masks, kernel_size, group_size))


def carafe_naive_backward(
    top_grad: Tensor,
    features: Tensor,
    masks: Tensor,
    bottom_grad: Tensor,
    mask_grad: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> None:
    """Gradients of `carafe`, added to `bottom_grad` and `mask_grad`."""
    found = gradients(
        lambda features, masks: carafe(
            features, masks, kernel_size, group_size
        ),
        [features, masks],
        top_grad,
    )
    bottom_grad += found[0]
    mask_grad += found[1]


def carafe_forward(
    features: Tensor,
    masks: Tensor,
    rfeatures: Tensor,
    routput: Tensor,
    rmasks: Tensor,
    output: Tensor,
    **sizes: int,
) -> None:
    """Write what `carafe` returns to `output`.

    `rfeatures` is what mmcv hands to `carafe_backward`; the other two
    buffers are not used.
    """
    rfeatures.copy_(features)
    carafe_naive_forward(features, masks, output, **sizes)


def carafe_backward(
    top_grad: Tensor,
    rfeatures: Tensor,
    masks: Tensor,
    rtop_grad: Tensor,
    rbottom_grad_hs: Tensor,
    rbottom_grad: Tensor,
    rmask_grad: Tensor,
    bottom_grad: Tensor,
    mask_grad: Tensor,
    **sizes: int,
) -> None:
    """Gradients of `carafe`, added to `bottom_grad` and `mask_grad`."""
    carafe_naive_backward(
        top_grad, rfeatures, masks, bottom_grad, mask_grad, **sizes
    )
