"""Which implementation of an operator runs, and why.

An operator (``selective_scan``, ``causal_conv1d``) has several backends. The
automatic choice looks at the device of the tensor and takes the first backend
that can run there; a backend asked for by name either runs or raises with
what to do. A new kernel is one more row of ``BACKENDS``.
"""

import functools
import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ..errors import InputError, UserError
from .extension import INSTALL


class BackendError(UserError, RuntimeError):
    """A backend that was asked for by name and cannot run."""


@dataclass(frozen=True)
class Backend:
    """One way to compute an operator.

    Args:
        name: What users write in ``backend=`` or the environment variable.
        module: Module that implements it, imported at first use.
        devices: Device types it serves; empty means all.
        install: The command that brings what its module imports, where that
            may be missing.
        automatic: Whether it may be chosen without being named, or on which
            device types.
    """

    name: str
    module: str
    devices: tuple[str, ...] = ()
    install: str = ''
    automatic: bool | tuple[str, ...] = True

    def why_not(self, device_type: str) -> str | None:
        """Why it cannot run on a device type, or None if it can."""
        if self.devices and device_type not in self.devices:
            return (
                f'it runs on {" and ".join(self.devices)} tensors, '
                f'not on {device_type}; move the tensors, or name another'
            )
        missing = _import_error(self.module)
        return missing and f'{missing}; install it with: {self.install}'

    def unasked(self, device_type: str) -> bool:
        """Whether it can run on a device type without being named."""
        willing = (
            self.automatic
            if isinstance(self.automatic, bool)
            else device_type in self.automatic
        )
        return willing and not self.why_not(device_type)

    def load(self) -> Callable:
        """The function that computes the operator."""
        return importlib.import_module(self.module).apply


@functools.cache
def _import_error(module: str) -> str | None:
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as error:  # the latter: a broken library
        return str(error)
    return None


_KERNELS = (
    'MAMBA_KEEP_CUDA_BUILD=TRUE MAMBA_FORCE_BUILD=TRUE pip install '
    '"mamba-ssm==2.3.2.post1" --no-build-isolation --no-deps'
)

# Triton interprets its kernels then, for tests.
_INTERPRETED = ('cpu',) if os.environ.get('TRITON_INTERPRET') == '1' else ()

# Order is preference: the first that can run is the automatic choice.
BACKENDS: dict[str, tuple[Backend, ...]] = {
    'selective_scan': (
        Backend(
            'mamba_ssm',
            'mmmap.ops.selective_scan.mamba_ssm',
            devices=('cuda',),
            install=_KERNELS,
        ),
        Backend(
            'triton',
            'mmmap.ops.selective_scan.triton_scan',
            devices=('cuda', *_INTERPRETED),
            install='pip install triton',
            automatic=('cuda',),
        ),
        Backend(
            'cpp',
            'mmmap.ops.selective_scan.cpp',
            devices=('cpu',),
            install=INSTALL,
        ),
        Backend('torch', 'mmmap.ops.selective_scan.torch_chunked'),
        Backend(
            'reference',
            'mmmap.ops.selective_scan.reference',
            automatic=False,
        ),
    ),
    'causal_conv1d': (
        # To be asked for: it flips in reverse, and was not measured yet.
        Backend(
            'causal_conv1d',
            'mmmap.ops.causal_conv1d.dao',
            devices=('cuda',),
            install='pip install --no-build-isolation causal-conv1d',
            automatic=False,
        ),
        Backend(
            'cpp',
            'mmmap.ops.causal_conv1d.cpp',
            devices=('cpu',),
            install=INSTALL,
        ),
        # To be asked for until it was measured.
        Backend(
            'triton',
            'mmmap.ops.causal_conv1d.triton_conv',
            devices=('cuda', *_INTERPRETED),
            install='pip install triton',
            automatic=False,
        ),
        Backend('torch', 'mmmap.ops.causal_conv1d.torch_conv'),
        Backend(
            'reference', 'mmmap.ops.causal_conv1d.reference', automatic=False
        ),
    ),
}

ENVIRONMENT = {
    'selective_scan': 'MMMAP_SCAN_BACKEND',
    'causal_conv1d': 'MMMAP_CONV_BACKEND',
}


def choose(op: str, device_type: str, name: str | None = None) -> Backend:
    """The backend that computes ``op`` on ``device_type``.

    Args:
        op: Operator, a key of ``BACKENDS``.
        device_type: ``'cpu'``, ``'cuda'``, ...
        name: A backend by name; without it the environment variable of the
            operator decides, and without that the device.

    Raises:
        InputError: The name is not a backend of this operator.
        BackendError: The named backend cannot run here.
    """
    backends = BACKENDS[op]
    source = 'backend argument'
    if name is None:
        name = os.environ.get(ENVIRONMENT[op]) or None
        source = f'environment variable {ENVIRONMENT[op]}'
    if name is None:
        return _first_that_runs(backends, device_type)
    known = {backend.name: backend for backend in backends}
    if name not in known:
        raise InputError(
            f'{op}: unknown backend {name!r} from the {source}; '
            f'choose one of {", ".join(known)}'
        )
    reason = known[name].why_not(device_type)
    if reason:
        raise BackendError(
            f'{op}: the {source} asks for backend {name!r}, '
            f'which cannot run: {reason}'
        )
    return known[name]


# By operator and backend. ``torch.compile`` follows a look-up, not an import.
_loaded: dict[tuple[str, str], Callable] = {}


def implementation(
    op: str, device_type: str, name: str | None = None
) -> Callable:
    """The function that computes ``op``; see :func:`choose`."""
    return _loaded[op, _load(op, device_type, name)]


@torch.compiler.assume_constant_result
def _load(op: str, device_type: str, name: str | None) -> str:
    backend = choose(op, device_type, name)
    _loaded[op, backend.name] = backend.load()
    return backend.name


def _first_that_runs(backends: Sequence[Backend], device: str) -> Backend:
    return next(b for b in backends if b.unasked(device))


def report() -> list[tuple[str, str, str, str]]:
    """What runs where: rows of (operator, device type, backend, reason)."""
    rows = []
    for op in BACKENDS:
        for device_type in ('cpu', 'cuda'):
            try:
                chosen = choose(op, device_type)
            except UserError as error:
                rows.append((op, device_type, 'error', str(error)))
                continue
            rows.append(
                (
                    op,
                    device_type,
                    chosen.name,
                    _reason(op, chosen, device_type),
                )
            )
    return rows


def _reason(op: str, chosen: Backend, device_type: str) -> str:
    if os.environ.get(ENVIRONMENT[op]):
        return f'named by {ENVIRONMENT[op]}'
    passed = []
    for backend in BACKENDS[op]:
        if backend is chosen:
            break
        if backend.automatic:
            passed.append(f'{backend.name}: {backend.why_not(device_type)}')
    return '; '.join(passed) or 'first choice'
