"""Suppression and overlap of boxes.

N M: numbers of boxes. A box is (x1, y1, x2, y2); with offset 1 it includes
its last pixel and is x2 - x1 + 1 wide.
"""

import numpy as np
import torch
import torchvision
from torch import Tensor

from .gradients import supported

NAIVE, LINEAR, GAUSSIAN = range(3)


def nms(
    boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int
) -> Tensor:
    """Indices of the boxes kept, by falling score.

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou_threshold: A box that overlaps a better one by more is dropped.
        offset: 0 or 1.
    """
    boxes, scores = supported(boxes, scores)
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    # Equal scores in mmcv's order: torchvision's own sort is a stable one.
    scores, order = scores.sort(0, descending=True)
    # mmcv compares in single precision: an overlap of 6 in 10 is not above a
    # threshold of 0.6, which torchvision holds in double precision.
    threshold = float(np.float32(iou_threshold))
    return order[torchvision.ops.nms(boxes[order], scores, threshold)]


def overlaps(box: np.ndarray, boxes: np.ndarray, offset: int = 0):
    """Intersection over union of one box with (N, 4) others."""
    size = boxes[:, 2:] - boxes[:, :2] + boxes.dtype.type(offset)
    own = box[2:] - box[:2] + box.dtype.type(offset)
    corner = np.minimum(box[2:], boxes[:, 2:])
    shared = corner - np.maximum(box[:2], boxes[:, :2])
    shared = np.maximum(shared + boxes.dtype.type(offset), 0).prod(1)
    with np.errstate(invalid='ignore', divide='ignore'):
        return shared / (own.prod() + size.prod(1) - shared)


def decay(
    iou: np.ndarray, method: int, threshold: np.float32, sigma: np.float32
) -> np.ndarray:
    """What a score is multiplied by where its box overlaps a better one."""
    if method == GAUSSIAN:
        return np.exp(-(iou * iou) / sigma)
    weight = 0 if method == NAIVE else 1 - iou
    return np.where(iou >= threshold, weight, 1).astype(iou.dtype)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Indices of the boxes kept; overlaps lower scores instead of dropping.

    One step per box kept, each on all that remain.

    Args:
        boxes: (N, 4), on the CPU.
        scores: (N,).
        dets: Is filled with the kept boxes and their new scores, (N, 5).
        iou_threshold: From which overlap on scores fall, unless Gaussian.
        sigma: Width of the Gaussian.
        min_score: A box whose score falls below is dropped.
        method: 0 naive, 1 linear, 2 Gaussian.
        offset: 0 or 1.
    """
    boxes, scores = supported(boxes, scores)
    rows = torch.cat([boxes, scores[:, None]], 1).float().numpy().copy()
    indices = np.arange(len(rows))
    low, sigma, threshold = np.float32([min_score, sigma, iou_threshold])
    first, end = 0, len(rows)
    while first < end:
        best = first + rows[first:end, 4].argmax()
        swap = [first, best], [best, first]
        rows[swap[0]], indices[swap[0]] = rows[swap[1]], indices[swap[1]]
        rest = rows[first + 1 : end]
        iou = overlaps(rows[first, :4], rest[:, :4], offset)
        rest[:, 4] *= decay(iou, method, threshold, sigma)
        order = 1 + first + close_gaps(~(rest[:, 4] < low))
        first, end = first + 1, first + 1 + len(order)
        rows[first:end], indices[first:end] = rows[order], indices[order]
    dets[:end] = torch.from_numpy(rows[:end]).to(dets)
    return torch.from_numpy(indices[:end])


def close_gaps(keep: np.ndarray) -> np.ndarray:
    """The order in which the last ones kept fill the gaps of those dropped.

    It decides between equal scores, so it is mmcv's.

    Args:
        keep: (N,), which ones stay.

    Returns:
        Their indices.
    """
    count = keep.sum()
    order = np.arange(count)
    gaps = np.flatnonzero(~keep[:count])
    order[gaps] = count + np.flatnonzero(keep[count:])[::-1]
    return order


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """For each box kept, its index and those of the boxes it suppresses.

    One step per box kept, each on all that remain.

    Args:
        dets: Boxes with their scores, (N, 5), on the CPU.
        iou_threshold: From which overlap on a box is suppressed.
    """
    (dets,) = supported(dets)
    order = dets[:, 4].sort(descending=True).indices.numpy()
    boxes = dets[:, :4].numpy()
    groups = []
    while len(order):
        best, order = order[0], order[1:]
        near = overlaps(boxes[best], boxes[order]) >= np.float32(iou_threshold)
        groups.append([int(best), *order[near].tolist()])
        order = order[~near]
    return groups


def bbox_overlaps(
    bboxes1: Tensor,
    bboxes2: Tensor,
    ious: Tensor,
    mode: int,
    aligned: bool,
    offset: int,
) -> None:
    """Overlaps of boxes.

    Args:
        bboxes1: (N, 4).
        bboxes2: (M, 4), with M = N if aligned.
        ious: Is filled, (N, M) or, if aligned, (N,).
        mode: 0 over the union, 1 over the area of the first box.
        aligned: Compare row by row instead of each with each.
        offset: 0 or 1.
    """
    bboxes1, bboxes2 = supported(bboxes1, bboxes2)
    if not aligned:
        bboxes1 = bboxes1[:, None]
    (low1, high1), (low2, high2) = bboxes1.split(2, -1), bboxes2.split(2, -1)
    area1, area2 = (
        (b - a + offset).prod(-1) for a, b in ((low1, high1), (low2, high2))
    )
    shared = torch.min(high1, high2) - torch.max(low1, low2) + offset
    shared = shared.clamp(min=0).prod(-1)
    ious.copy_(shared / (area1 + area2 - shared if mode == 0 else area1))
