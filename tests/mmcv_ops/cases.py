"""Calls of mmcv's operators: what goes in, and what comes out of each.

The inputs are drawn when the reference is made and stored with it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from mmcv import ops
from torch import Tensor


class Case(NamedTuple):
    """One call.

    Args:
        call: The operator, by tensors alone.
        inputs: Draws its tensors.
        wanted: How many of them, from the first on, have a gradient.
        exact: Whether the result is the compiled one bit by bit.
    """

    call: Callable[..., Tensor | Sequence[Tensor]]
    inputs: Callable[[], list[Tensor]]
    wanted: int = 0
    exact: bool = False


def boxes(count: int = 60, whole: bool = False) -> Tensor:
    """Boxes that overlap; with whole pixels also by equal amounts."""
    corners = torch.rand(count, 2) * 30
    low, high = corners, corners + 2 + torch.rand(count, 2) * 20
    both = torch.cat([low, high], 1)
    return both.round() if whole else both


def regions(count: int = 5) -> Tensor:
    """Regions of two images, some of them partly outside."""
    images = torch.arange(count)[:, None] % 2
    return torch.cat([images, boxes(count) * 2 - 6], 1)


def scored(**options) -> list[Tensor]:
    """Boxes and scores, some of which are equal."""
    both = boxes(**options)
    return [both, (torch.rand(len(both)) * 40).round() / 40]


def deformable(
    groups: int = 1,
    offsets: int = 1,
    stride: int = 1,
    masked: bool = False,
    biased: bool = False,
) -> list[Tensor]:
    """Input, offset, mask, weight and bias of a 3 x 3 convolution."""
    size = (6, 7) if stride == 1 else (3, 4)
    tensors = [
        torch.randn(2, 4, 6, 7),
        torch.randn(2, 18 * offsets, *size) * 2,
    ]
    if masked:
        tensors.append(torch.rand(2, 9 * offsets, *size))
    tensors.append(torch.randn(6, 4 // groups, 3, 3))
    return tensors + [torch.randn(6)] * biased


def align(mode: str, aligned: bool, ratio: int) -> Case:
    """RoIAlign; averages are torchvision's own."""
    return Case(
        lambda x, rois: ops.roi_align(
            x, rois, (3, 4), 0.25, ratio, mode, aligned
        ),
        lambda: [torch.randn(2, 3, 8, 10), regions()],
        wanted=1,
    )


def mask(kind: str) -> Case:
    """PSANet's masks: numbers are moved, none is computed."""
    return Case(
        lambda x: ops.PSAMask(kind, (3, 5))(x),
        lambda: [torch.randn(2, 15, 4, 6)],
        wanted=1,
        exact=True,
    )


CASES = {
    'nms': Case(lambda b, s: ops.nms(b, s, 0.5), scored, exact=True),
    'nms, last pixel included': Case(
        lambda b, s: ops.nms(b, s, 0.5, offset=1),
        lambda: scored(whole=True),
        exact=True,
    ),
    'nms, overlap of the threshold': Case(
        lambda b, s: ops.nms(b, s, 0.6),
        # Of 10 pixels each, 7.5 shared: 7.5 / 12.5 is 0.6 in single precision.
        lambda: [
            torch.tensor([[0.0, 0, 10, 1], [2.5, 0, 12.5, 1]]),
            torch.tensor([0.9, 0.8]),
        ],
        exact=True,
    ),
    'batched_nms': Case(
        lambda b, s, c: ops.batched_nms(
            b, s, c, dict(type='nms', iou_threshold=0.4)
        ),
        lambda: [*scored(), torch.arange(60) % 3],
        exact=True,
    ),
    'soft_nms, naive': Case(
        lambda b, s: ops.soft_nms(b, s, 0.3, 0.5, 0.05, 'naive'),
        scored,
        exact=True,
    ),
    'soft_nms, linear': Case(
        lambda b, s: ops.soft_nms(b, s, 0.3, 0.5, 0.05, 'linear', 1),
        lambda: scored(whole=True),
        exact=True,
    ),
    'soft_nms, gaussian': Case(
        lambda b, s: ops.soft_nms(b, s, 0.3, 0.5, 0.05, 'gaussian'), scored
    ),
    'nms_match': Case(
        lambda b, s: ops.nms_match(torch.cat([b, s[:, None]], 1), 0.4),
        scored,
        exact=True,
    ),
    'bbox_overlaps': Case(
        lambda a, b: ops.bbox_overlaps(a, b),
        lambda: [boxes(7), boxes(5)],
        exact=True,
    ),
    'bbox_overlaps, by rows over the first': Case(
        lambda a, b: ops.bbox_overlaps(a, b, 'iof', True, 1),
        lambda: [boxes(6), boxes(6)],
        exact=True,
    ),
    'roi_align, average': align('avg', True, 0)._replace(exact=True),
    'roi_align, average of 2': align('avg', False, 2)._replace(exact=True),
    'roi_align, maximum': align('max', True, 0),
    'roi_align, maximum of 2': align('max', False, 2),
    'deform_conv': Case(
        lambda x, o, w: ops.deform_conv2d(x, o, w, 1, 1),
        deformable,
        wanted=3,
    ),
    'deform_conv, groups, stride and dilation': Case(
        lambda x, o, w: ops.deform_conv2d(x, o, w, 2, 2, 2, 2, 2),
        lambda: deformable(2, 2, 2),
        wanted=3,
    ),
    'modulated_deform_conv': Case(
        lambda x, o, m, w, b: ops.modulated_deform_conv2d(x, o, m, w, b, 1, 1),
        lambda: deformable(masked=True, biased=True),
        wanted=5,
    ),
    'modulated_deform_conv, groups and stride': Case(
        lambda x, o, m, w: ops.modulated_deform_conv2d(
            x, o, m, w, None, 2, 2, 2, 2, 2
        ),
        lambda: deformable(2, 2, 2, masked=True),
        wanted=4,
    ),
    'psamask, collect': mask('collect'),
    'psamask, distribute': mask('distribute'),
}


def run(case: Case, inputs: Sequence[Tensor]) -> list[Tensor]:
    """What a call returns, then the gradients of its first inputs.

    The gradient of the output is a fixed pattern.
    """
    inputs = [tensor.clone() for tensor in inputs]
    for tensor in inputs[: case.wanted]:
        tensor.requires_grad_()
    output = case.call(*inputs)
    if not case.wanted:
        return [output] if isinstance(output, Tensor) else list(output)
    pattern = torch.arange(output.numel(), device=output.device) * 0.7
    output.backward(pattern.sin().to(output).view_as(output))
    gradients = [tensor.grad for tensor in inputs[: case.wanted]]
    return [output.detach(), *gradients]
