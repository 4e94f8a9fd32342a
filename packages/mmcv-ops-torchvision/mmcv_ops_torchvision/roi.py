"""Pooling of regions of interest.

B C H W: the features. N: regions, rows (image, x1, y1, x2, y2).
P Q: bins down and across.
"""

import torch
from torch import Tensor

from .gradients import gradients, supported
from .sampling import (
    bilinear,
    cross,
    maximum,
    parts,
    pixel_places,
    sample_counts,
    sample_places,
)

MAX_POOL, AVG_POOL = range(2)
# What mmcv returns for the maximum of no samples.
NOTHING = -10000.0


def check_images(features: Tensor, regions: Tensor) -> None:
    """Check on a CPU that the regions are of images of the batch.

    Torchvision would read other memory. On a GPU, the check would have to wait
    for the numbers.

    Raises:
        IndexError: A region of another image.
    """
    if not (regions.is_cpu and len(regions)):
        return
    first, last = regions[:, 0].aminmax()
    if not 0 <= first <= last < len(features):
        raise IndexError(
            f'rois have image indices from {first:g} to {last:g}, but the '
            f'batch has {len(features)} images'
        )


def place_regions(
    regions: Tensor, scale: float, aligned: bool
) -> tuple[Tensor, Tensor]:
    """Start and size of the regions on the features, (down, across).

    Args:
        regions: (N, 5).
        scale: Size of the features over that of the image.
        aligned: Whether coordinates are those of pixel centres; otherwise a
            region is at least a pixel large.
    """
    scaled = regions[:, [2, 1, 4, 3]] * scale - (0.5 if aligned else 0.0)
    start, end = scaled.split(2, 1)
    size = end - start
    return start, size if aligned else size.clamp(min=1)


def places(
    start: Tensor, size: Tensor, bins: tuple[int, int], counts: Tensor
) -> tuple[Tensor, Tensor]:
    """Coordinates of the samples of all bins, down and across."""
    axes = zip(start.T, size.T, bins, counts.T)
    return cross(*(sample_places(*axis) for axis in axes))


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Average or maximum of bilinear samples in each bin.

    Args:
        input: Features, (B, C, H, W).
        rois: (N, 5).
        output: Is filled, (N, C, P, Q).
        argmax_y: For maxima, is filled with where they lie from above, as
            large as the output; -1 where a region has no samples.
        argmax_x: The same from the left.
        aligned_height: P.
        aligned_width: Q.
        spatial_scale: Size of the features over that of the image.
        sampling_ratio: Samples of a bin along each axis; 0 for as many as it
            has pixels.
        pool_mode: 0 maximum, 1 average.
        aligned: Whether coordinates are those of pixel centres.
    """
    features, regions = supported(input, rois)
    check_images(features, regions)
    bins = aligned_height, aligned_width
    if pool_mode == AVG_POOL:
        pooled = torch.ops.torchvision.roi_align(
            features, regions, spatial_scale, *bins, sampling_ratio, aligned
        )
        output.copy_(pooled)
        return
    start, size = place_regions(regions, spatial_scale, aligned)
    counts = sample_counts(size, bins, sampling_ratio)
    for part in parts(features, bins, counts):
        y, x = places(start[part], size[part], bins, counts[part])
        values, y, x = maximum(features, regions[part, 0], y, x)
        output[part] = values.masked_fill(values.isneginf(), NOTHING)
        argmax_y[part], argmax_x[part] = y, x


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Gradient of `roi_align_forward`, into `grad_input`."""
    grad, regions = supported(grad_output, rois)
    if pool_mode == AVG_POOL:
        grad_input += torch.ops.torchvision._roi_align_backward(
            grad,
            regions,
            spatial_scale,
            aligned_height,
            aligned_width,
            *grad_input.shape,
            sampling_ratio,
            aligned,
        )
        return
    # Each maximum is one sample of one channel.
    y, x, grad = (t.flatten(0, 1) for t in supported(argmax_y, argmax_x, grad))
    y, x = y.masked_fill(y == -1, torch.nan), x
    plane = planes(regions, grad_input)
    (gradient,) = gradients(
        lambda features: bilinear(features, plane.flatten(), y, x),
        [grad_input.flatten(0, 1)[:, None].to(grad)],
        grad[:, None],
    )
    grad_input += gradient.view_as(grad_input)


def planes(regions: Tensor, features: Tensor) -> Tensor:
    """Which of the B C planes each channel of each region reads, (N, C)."""
    count = features.shape[1]
    channels = torch.arange(count, device=regions.device)
    return regions[:, :1].long() * count + channels


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Maximum of the pixels that a bin touches; 0 where it touches none.

    Args:
        input: Features, (B, C, H, W).
        rois: (N, 5); x2 and y2 are the last pixels of a region.
        output: Is filled, (N, C, P, Q).
        argmax: Is filled with the pixel a maximum comes from, counted row by
            row, as large as the output; -1 where there is none.
        pooled_height: P.
        pooled_width: Q.
        spatial_scale: Size of the features over that of the image.
    """
    features, regions = supported(input, rois)
    check_images(features, regions)
    width, bins = input.shape[-1], (pooled_height, pooled_width)
    start = regions[:, [2, 1]] * spatial_scale
    size = (regions[:, [4, 3]] + 1) * spatial_scale - start
    size = size.masked_fill((size <= 0).any(1, keepdim=True), torch.nan)
    axes = zip(start.T, size.T, bins, input.shape[-2:])
    edges = [touched(*axis) for axis in axes]
    counts = torch.stack([(high - low).amax(1) for low, high in edges], 1)
    for part in parts(features, bins, counts):
        y, x = cross(*(pixel_places(a[part], b[part]) for a, b in edges))
        values, y, x = maximum(features, regions[part, 0], y, x)
        output[part] = values.masked_fill(values.isneginf(), 0)
        argmax[part] = torch.where(y < 0, y, y * width + x).to(argmax)


def touched(
    start: Tensor, size: Tensor, bins: int, limit: int
) -> tuple[Tensor, Tensor]:
    """First pixels of the bins along one axis, and those behind their last.

    Args:
        start: Of the regions, (N,).
        size: Of the regions, (N,); NaN for one that has no pixels.
        bins: P.
        limit: Pixels of the features.

    Returns:
        Two tensors (N, P).
    """
    index = torch.arange(bins, device=start.device)
    start, width = start[:, None], size[:, None] / bins
    low = (index * width + start).floor().clamp(0, limit)
    high = ((index + 1) * width + start).ceil().clamp(0, limit)
    return low.nan_to_num(nan=0.0), high.nan_to_num(nan=0.0)


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Gradient of `roi_pool_forward`, into `grad_input`."""
    plane = planes(rois, grad_input)[:, :, None, None]
    pixel = plane * grad_input.shape[2:].numel() + argmax
    found = argmax >= 0
    flat = grad_input.view(-1)
    flat.index_add_(0, pixel[found], grad_output[found].to(flat))


def deform_roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    offset: Tensor,
    output: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    gamma: float,
) -> None:
    """Average of bilinear samples in bins that are shifted.

    Args:
        input: Features, (B, C, H, W).
        rois: (N, 5).
        offset: Shifts across and down in sizes of the region, (N, 2, P, Q);
            empty for none.
        output: Is filled, (N, C, P, Q).
        pooled_height: P.
        pooled_width: Q.
        spatial_scale: Size of the features over that of the image.
        sampling_ratio: Samples of a bin along each axis; 0 for as many as it
            has pixels.
        gamma: Factor of the shifts.
    """
    features, regions, offset = supported(input, rois, offset)
    check_images(features, regions)
    bins = pooled_height, pooled_width
    pooled = deform_roi_pool(
        features, offset, regions, bins, spatial_scale, sampling_ratio, gamma
    )
    output.copy_(pooled)


def deform_roi_pool(
    features: Tensor,
    offset: Tensor,
    regions: Tensor,
    bins: tuple[int, int],
    scale: float,
    sampling_ratio: int,
    gamma: float,
) -> Tensor:
    """What `deform_roi_pool_forward` writes, differentiable."""
    start, size = place_regions(regions, scale, aligned=True)
    counts = sample_counts(size, bins, sampling_ratio)
    pooled = [features.new_zeros(0, features.shape[1], *bins)]
    for part in parts(features, bins, counts):
        y, x = places(start[part], size[part], bins, counts[part])
        if offset.numel():
            reach = gamma * size[part, :, None, None]
            y = y + (reach[:, 0] * offset[part, 1])[..., None]
            x = x + (reach[:, 1] * offset[part, 0])[..., None]
        total = bilinear(features, regions[part, 0], y, x).sum(-1)
        count = counts[part].prod(1).clamp(min=1)
        pooled.append(total / count[:, None, None, None])
    return torch.cat(pooled)


def deform_roi_pool_backward(
    grad_output: Tensor,
    input: Tensor,
    rois: Tensor,
    offset: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    gamma: float,
) -> None:
    """Gradients of `deform_roi_pool_forward`, added to the last tensors."""
    if not len(rois):
        return
    features, regions, offset, grad = supported(
        input, rois, offset, grad_output
    )
    bins = pooled_height, pooled_width
    rest = regions, bins, spatial_scale, sampling_ratio, gamma
    wanted = [features, offset] if offset.numel() else [features]
    found = gradients(
        lambda features, offset=offset: deform_roi_pool(
            features, offset, *rest
        ),
        wanted,
        grad,
    )
    for total, gradient in zip((grad_input, grad_offset), found):
        total += gradient
