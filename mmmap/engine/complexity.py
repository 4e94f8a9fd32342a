"""The scan for MMEngine's complexity analysis, which counts FLOPs by name.

``mmengine.analysis.get_model_complexity_info`` traces the model and asks a
table what each operator costs; one that is not in it counts for nothing.
"""

from mmengine.analysis import complexity_analysis

from ..ops.selective_scan.operator import scan_flops


def _shapes(value) -> list[list[int]]:
    """Of the tensors in a traced list."""
    return [x.type().sizes() for x in value.node().inputs()]


def _scan_flops(inputs: list, outputs: list) -> int:
    return scan_flops(*map(_shapes, inputs[:3]))


def _chunks_flops(inputs: list, outputs: list) -> int:
    return scan_flops(*([x.type().sizes()] for x in inputs[:3]))


_TABLE = complexity_analysis._DEFAULT_SUPPORTED_FLOP_OPS
_TABLE['mmmap::scan_chunks'] = _chunks_flops
for _kernel in ('cpp', 'triton'):
    _TABLE[f'mmmap::scan_forward_{_kernel}'] = _scan_flops
