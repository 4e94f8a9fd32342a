"""Non-maximum suppression with a result of fixed size, for ONNX.

Letters: N boxes, K kept ones.
"""

import torch
from onnxscript import FLOAT, INT64, script
from onnxscript import opset18 as op
from onnxscript.values import Opset
from torch import Tensor
from torchvision.ops import nms


@torch.library.custom_op('mmmap::nms_padded', mutates_args=())
def nms_padded(boxes: Tensor, scores: Tensor, iou: float, keep: int) -> Tensor:
    """Indices of the best boxes that do not overlap a better one.

    Args:
        boxes: (N, 4), x1, y1, x2, y2.
        scores: (N,); a box with a score of at most 0 is never kept.
        iou: Largest overlap of two kept boxes.
        keep: K.

    Returns:
        (K,), int64, the best first, then -1.
    """
    valid = (scores > 0).nonzero().flatten()
    found = valid[nms(boxes[valid], scores[valid], iou)[:keep]]
    return torch.nn.functional.pad(found, (0, keep - len(found)), value=-1)


@nms_padded.register_fake
def _(boxes: Tensor, scores: Tensor, iou: float, keep: int) -> Tensor:
    return boxes.new_empty((keep,), dtype=torch.int64)


@script(Opset('mmmap', 1), default_opset=op)
def nms_padded_onnx(
    boxes: FLOAT, scores: FLOAT, iou: float, keep: int
) -> INT64:
    """The same with ONNX's operator."""
    first = op.Constant(value_ints=[0])
    both = op.Constant(value_ints=[0, 1])
    number = op.Constant(value_int=keep)
    overlap = op.Constant(value_float=iou)
    zero = op.Constant(value_float=0.0)
    chosen = op.NonMaxSuppression(
        op.Unsqueeze(boxes, first),
        op.Unsqueeze(scores, both),
        number,
        overlap,
        zero,
    )
    # Rows are batch, class, box.
    column = op.Constant(value_ints=[2])
    end = op.Constant(value_ints=[3])
    along = op.Constant(value_ints=[1])
    index = op.Reshape(
        op.Slice(chosen, column, end, along), op.Constant(value_ints=[-1])
    )
    missing = op.Sub(number, op.Size(index))
    pads = op.Concat(first, op.Reshape(missing, along), axis=0)
    return op.Pad(index, pads, op.Constant(value_int=-1))
