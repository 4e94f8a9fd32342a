"""Checking a backend against the torch backend before its first use.

A kernel can silently be wrong on a GPU on which nobody tested it. So it first
solves a small random problem, forward and backward, and its results are
compared with those of the torch backend in fp64 on the same device.

An operator describes its problem in a module with two functions:

- ``problem(device, *traits)``: tensors by name, all of them requiring grad.
  Traits have defaults.
- ``solve(apply, tensors)``: results by name. Those that require grad are
  differentiated.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import ModuleType

import torch
from torch import Tensor

# Largest allowed error, relative to the largest correct value, by the dtype
# of the sequences. Wrong kernels are far above, rounding is far below.
TOLERANCES = {
    torch.float64: 1e-8,
    torch.float32: 1e-3,
    torch.bfloat16: 2e-2,
    torch.float16: 2e-2,
}


def fault(
    apply: Callable,
    right: Callable,
    operator: ModuleType,
    device: torch.device,
    traits: tuple,
) -> str | None:
    """What is wrong with a backend on a device, or None.

    Args:
        apply: The backend's function.
        right: The torch backend's function.
        operator: The module that describes the problem, see above.
        device: The device.
        traits: Properties of the problem.

    Raises:
        torch.OutOfMemoryError: The device is full, which does not mean that
            the backend is wrong.
        RuntimeError: The backend left the device unusable.
    """
    # A new thread has neither the caller's autograd, autocast, dispatch and
    # tracing modes nor its stream.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(
            _fault, apply, right, operator, device, traits
        ).result()


def _fault(apply, right, operator, device, traits) -> str | None:
    with _on(device):
        tensors = operator.problem(device, *traits)
        wide = {
            name: x.detach().double().requires_grad_()
            for name, x in tensors.items()
        }
        truth = _results(right, operator, wide)
        try:
            allowed = TOLERANCES[next(iter(tensors.values())).dtype]
            ours = _results(apply, operator, tensors)
            return _difference(ours, truth, allowed)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a foreign kernel may raise anything
            if 'out of memory' in str(error):
                raise torch.OutOfMemoryError(str(error)) from error
            _check_alive(device, error)
            return f'it fails: {type(error).__name__}: {error}'


def _on(device: torch.device):
    """Make a CUDA device current."""
    cuda = device.type == 'cuda'
    return torch.cuda.device(device) if cuda else nullcontext()


def _check_alive(device: torch.device, error: Exception) -> None:
    if device.type != 'cuda':
        return
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        raise RuntimeError(
            f'a kernel left {device} unusable for this process ({error}); '
            'select another backend and start again'
        ) from error


def _results(
    apply: Callable, operator: ModuleType, tensors: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Outputs, and gradients of a random sum of them, in fp64 by name."""
    outputs = operator.solve(apply, tensors)
    generator = torch.Generator().manual_seed(1)
    loss = 0
    for y in outputs.values():
        if y.requires_grad:
            # Numbers that every dtype can represent.
            weights = torch.randn(y.shape, generator=generator).bfloat16()
            loss = loss + (y.double() * weights.to(y.device)).sum()
    grads = torch.autograd.grad(loss, tensors.values())
    grads = {f'the gradient of {k}': g for k, g in zip(tensors, grads)}
    return {k: v.detach().double() for k, v in (outputs | grads).items()}


def _difference(ours: dict, truth: dict, allowed: float) -> str | None:
    """Describe the result that differs most; None if all are close.

    A backend may lack some results of the torch backend.
    """
    truth = {name: truth[name] for name in ours}
    errors = torch.stack(
        [
            (ours[name] - x).abs().max() / x.abs().max()
            for name, x in truth.items()
        ]
    )
    errors = torch.where(errors.isnan(), torch.inf, errors).tolist()
    worst, name = max(zip(errors, truth))
    if worst <= allowed:
        return None
    wrong = sum(error > allowed for error in errors)
    return (
        f'{wrong} of {len(errors)} results of a small problem are wrong: '
        f'{name} differs from the torch backend by {worst:.2g} of its '
        f'largest value (at most {allowed:g} is allowed)'
    )
