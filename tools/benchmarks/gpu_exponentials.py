"""Measure how fast a GPU computes exponentials."""

import functools

import torch
import triton
import triton.language as tl

ELEMENTS, STEPS = 1024, 2048


@triton.jit
def exponentials_kernel(out, STEPS: tl.constexpr, ELEMENTS: tl.constexpr):
    """A chain of them for each element, in registers."""
    place = tl.arange(0, ELEMENTS)
    x = place.to(tl.float32) / ELEMENTS
    for _ in range(STEPS):
        x = tl.exp2(-x)
    tl.store(out + tl.program_id(0) * ELEMENTS + place, x)


@functools.cache
def _buffer() -> torch.Tensor:
    processors = torch.cuda.get_device_properties('cuda').multi_processor_count
    return torch.empty(processors * 16, ELEMENTS, device='cuda')


def count() -> int:
    """Exponentials of a launch."""
    return _buffer().numel() * STEPS


def launch() -> None:
    """Compute them."""
    exponentials_kernel[(len(_buffer()),)](_buffer(), STEPS, ELEMENTS)
