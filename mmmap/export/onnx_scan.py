"""The scan as ONNX's operator Scan, step by step, in memory linear in L.

Letters: L tokens, M independent sequences, D channels of each, N state size.
"""

from onnxscript import FLOAT, graph, script
from onnxscript import opset18 as op
from onnxscript.values import Opset


@script(Opset('mmmap', 1), default_opset=op)
def scan_chunks(
    u: FLOAT, delta: FLOAT, A: FLOAT, B: FLOAT, C: FLOAT, save: bool
) -> tuple[FLOAT, FLOAT, FLOAT]:
    """``torch.ops.mmmap.scan_chunks`` without saved states.

    u, delta (L, M, D), A (M, N, D), B, C (L, M, N) -> y (L, M, D), none,
    the last state (M, N, D).
    """
    first = op.Constant(value_ints=[0])
    middle = op.Constant(value_ints=[2])
    last = op.Constant(value_ints=[3])
    delta_rows = op.Unsqueeze(delta, middle)
    x_rows = op.Unsqueeze(delta * u, middle)
    B_columns = op.Unsqueeze(B, last)
    C_rows = op.Unsqueeze(C, middle)

    @graph()
    def step(h, delta_t, x_t, B_t, C_t):
        later = op.Exp(delta_t * A) * h + B_t * x_t
        y_t = op.MatMul(C_t, later)
        return later, y_t

    state, scanned = op.Scan(
        A - A,
        delta_rows,
        x_rows,
        B_columns,
        C_rows,
        body=step,
        num_scan_inputs=4,
    )
    none = op.Slice(op.Unsqueeze(A, first), first, first, first)
    return op.Squeeze(scanned, middle), none, state
