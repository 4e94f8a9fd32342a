"""Compare a backend with the torch one before anything relies on it.

A kernel can be wrong on a GPU that nobody tried it on, and say nothing. So it
first solves one small random problem, forward and backward, and its numbers
are compared with those of the torch backend in fp64 on the same device.

An operator describes its problem in a module with two functions:

- ``problem(device, *traits)``: tensors by name, all of them requiring grad.
  Without traits it takes defaults.
- ``solve(apply, tensors)``: results by name. Those that require grad are
  differentiated.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import ModuleType

import torch
from torch import Tensor

# Largest error allowed, over the largest of the right values, by the type of
# the sequences. Wrong kernels are far off; rounding stays far below.
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
        operator: Describes the problem, see above.
        device: Where to compute.
        traits: What the problem is to be like.

    Raises:
        torch.OutOfMemoryError: The device is full, which says nothing about
            the backend.
        RuntimeError: The backend left the device unusable.
    """
    # A thread of its own has neither the caller's autograd, autocast,
    # dispatch and tracing modes nor its stream.
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
        except Exception as error:  # whatever a foreign kernel raises
            _check_alive(device, error)
            return f'it fails: {type(error).__name__}: {error}'


def _on(device: torch.device):
    """Make a CUDA device the current one."""
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
            'name another backend and start again'
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
            # Numbers that every type holds.
            weights = torch.randn(y.shape, generator=generator).bfloat16()
            loss = loss + (y.double() * weights.to(y.device)).sum()
    grads = torch.autograd.grad(loss, tensors.values())
    grads = {f'the gradient of {k}': g for k, g in zip(tensors, grads)}
    return {k: v.detach().double() for k, v in (outputs | grads).items()}


def _difference(ours: dict, truth: dict, allowed: float) -> str | None:
    """The result that differs most, in words; None if all are near.

    A backend need not have all results of the torch one.
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
