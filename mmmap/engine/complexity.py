"""FLOPs of the scan and of attention for two counters, and a table of layers.

``mmengine.analysis.get_model_complexity_info`` traces the model and looks up
the cost of each operator; ``torch.utils.flop_counter`` watches the operators
that run. Operators in neither table count as 0. The first counts a
multiply-add as one, the second as two.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from mmengine.analysis import complexity_analysis
from torch import nn
from torch.utils.flop_counter import (
    FlopCounterMode,
    flop_registry,
    register_flop_formula,
    sdpa_flop,
    sdpa_flop_count,
)

from ..errors import InputError
from ..ops.backend import choose
from ..ops.selective_scan.operator import scan_flops

# Backends whose scan is one operator, which can be counted.
KERNELS = ('cpp', 'triton')
COUNTED = (*KERNELS, 'torch')


class Layer(NamedTuple):
    """The cost of a module, including its submodules.

    Attributes:
        name: Path from the model's root, '' for the model.
        kind: Its class.
        parameters: Number of learned parameters.
        flops: FLOPs of its forward pass, a multiply-add as two.
    """

    name: str
    kind: str
    parameters: int
    flops: int


def layers_of(
    model: nn.Module, call: Callable[[], object], depth: int = 2
) -> list[Layer]:
    """Count the cost of the modules of a model, in the order of the model.

    Matrix products, convolutions, attention and the scan are counted; norms,
    activations and other elementwise arithmetic are not.

    Args:
        model: In the mode to measure; parameters that require gradients
            confuse torch's counter if they are outputs.
        call: Runs the model once.
        depth: Depth of the listed modules; 0 is only the model.

    Raises:
        InputError: The selected scan backend cannot be counted.
    """
    device = next(model.parameters()).device.type
    scan = choose('selective_scan', device).name
    if scan not in COUNTED:
        raise InputError(
            f'the FLOPs of the {scan!r} scan cannot be counted on {device}; '
            f'set MMMAP_SCAN_BACKEND to one of {", ".join(COUNTED)}'
        )
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        call()
    counts = {
        name.partition('.')[2]: sum(by_operator.values())
        for name, by_operator in counter.get_flop_counts().items()
        if name != 'Global'
    }
    counts[''] = counter.get_total_flops()
    return [
        Layer(
            name,
            type(module).__name__,
            sum(p.numel() for p in module.parameters()),
            _total(module, name, counts),
        )
        for name, module in model.named_modules()
        if (name.count('.') + 1 if name else 0) <= depth
    ]


def _total(module: nn.Module, name: str, counts: Mapping[str, int]) -> int:
    """FLOPs of a module; if it was not called itself, of its children."""
    if name in counts:
        return counts[name]
    return sum(
        _total(child, f'{name}.{part}', counts)
        for part, child in module.named_children()
    )


def _shapes(value) -> list[list[int]]:
    """Of the tensors in a traced list."""
    return [x.type().sizes() for x in value.node().inputs()]


def _scan_flops(inputs: list, outputs: list) -> int:
    return scan_flops(*map(_shapes, inputs[:3]))


def _chunks_flops(inputs: list, outputs: list) -> int:
    return scan_flops(*([x.type().sizes()] for x in inputs[:3]))


def _attention_flops(inputs: list, outputs: list) -> int:
    """Half of torch's count: mmengine counts a multiply-add as one."""
    return sdpa_flop_count(*(x.type().sizes() for x in inputs[:3])) // 2


_handles = complexity_analysis._DEFAULT_SUPPORTED_FLOP_OPS
for _kernel in KERNELS:
    _handles[f'mmmap::scan_forward_{_kernel}'] = _scan_flops
_handles['mmmap::scan_chunks'] = _chunks_flops
_handles['aten::scaled_dot_product_attention'] = _attention_flops

_on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
if _on_cpu not in flop_registry:
    register_flop_formula(_on_cpu, get_raw=True)(sdpa_flop)
