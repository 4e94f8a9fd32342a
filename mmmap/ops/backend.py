"""Which implementation of an operator runs, and why.

An operator (``selective_scan``, ``causal_conv1d``) has several backends. The
automatic choice is the first one that can run on the tensor's device; a
backend selected by name either runs or raises an error that says what to do.
A new kernel is a new row of ``BACKENDS``.

A GPU kernel is compared with the torch backend on the device before its first
use. If it differs, it is disabled with a warning.

A backend's module has a function ``apply``, which computes the operator. It
may have ``refuses(*traits)``, which returns why it does not support a problem,
or None. The traits of a scan are the dtype of its sequences (fp64 if its state
is fp64) and the state size; those of a convolution, the dtype and the width.
"""

import functools
import importlib
import os
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..errors import InputError, UserError
from .extension import INSTALL
from .proof import fault


class BackendError(UserError, RuntimeError):
    """A backend that was selected by name cannot run."""


@dataclass(frozen=True)
class Backend:
    """One way to compute an operator.

    Args:
        name: What users write in ``backend=`` or the environment variable.
        module: Module that implements it, imported at first use.
        devices: Supported device types; empty means all.
        install: The command that installs what its module imports, if that
            may be missing.
        automatic: Whether it may be chosen automatically, or on which device
            types.
        proves: Device types where it is compared with the torch backend
            before its first use.
    """

    name: str
    module: str
    devices: tuple[str, ...] = ()
    install: str = ''
    automatic: bool | tuple[str, ...] = True
    proves: tuple[str, ...] = ()

    def why_not(self, device_type: str, *traits) -> str | None:
        """Why it cannot run on a device type, or None if it can.

        Args:
            device_type: ``'cpu'``, ``'cuda'``, ...
            traits: Properties of the problem; without them, any problem.
        """
        if self.devices and device_type not in self.devices:
            return (
                f'it runs on {" and ".join(self.devices)} tensors, '
                f'not on {device_type}; move the tensors, or select another'
            )
        missing = _import_error(self.module)
        if missing:
            return f'{missing}; install it with: {self.install}'
        refuses = getattr(sys.modules.get(self.module), 'refuses', None)
        return refuses(*traits) if refuses and traits else None

    def unasked(self, device_type: str, *traits) -> bool:
        """Whether it can be chosen automatically on a device type."""
        return self._willing(device_type) and not self.why_not(
            device_type, *traits
        )

    def _willing(self, device_type: str) -> bool:
        if isinstance(self.automatic, bool):
            return self.automatic
        return device_type in self.automatic

    def load(self) -> Callable:
        """The function that computes the operator."""
        return importlib.import_module(self.module).apply


@functools.cache
def _import_error(module: str) -> str | None:
    try:
        importlib.import_module(module)
    except (ImportError, OSError) as error:  # the latter: a broken library
        return str(error)
    except Exception as error:  # a package that does not suit another one
        return f'{type(error).__name__}: {error}'
    return None


_KERNELS = (
    'MAMBA_KEEP_CUDA_BUILD=TRUE MAMBA_FORCE_BUILD=TRUE pip install '
    '"mamba-ssm==2.3.2.post1" --no-build-isolation --no-deps'
)

# In tests, Triton may interpret its kernels.
_INTERPRETED = ('cpu',) if os.environ.get('TRITON_INTERPRET') == '1' else ()

# In order of preference: the first that can run is the automatic choice.
BACKENDS: dict[str, tuple[Backend, ...]] = {
    'selective_scan': (
        Backend(
            'cuda',
            'mmmap.ops.selective_scan.cuda_scan',
            devices=('cuda',),
            install='pip install cuda-bindings nvidia-cuda-nvrtc',
            proves=('cuda',),
        ),
        Backend(
            'mamba_ssm',
            'mmmap.ops.selective_scan.mamba_ssm',
            devices=('cuda',),
            install=_KERNELS,
            proves=('cuda',),
        ),
        Backend(
            'triton',
            'mmmap.ops.selective_scan.triton_scan',
            devices=('cuda', *_INTERPRETED),
            install='pip install triton',
            automatic=('cuda',),
            proves=('cuda',),
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
        Backend(
            'cuda',
            'mmmap.ops.causal_conv1d.cuda_conv',
            devices=('cuda',),
            install='pip install cuda-bindings nvidia-cuda-nvrtc',
            proves=('cuda',),
        ),
        # Only by name: it flips in reverse, and was not measured yet.
        Backend(
            'causal_conv1d',
            'mmmap.ops.causal_conv1d.dao_ailab',
            devices=('cuda',),
            install='pip install --no-build-isolation causal-conv1d',
            automatic=False,
            proves=('cuda',),
        ),
        Backend(
            'cpp',
            'mmmap.ops.causal_conv1d.cpp',
            devices=('cpu',),
            install=INSTALL,
        ),
        # Only by name until it is measured.
        Backend(
            'triton',
            'mmmap.ops.causal_conv1d.triton_conv',
            devices=('cuda', *_INTERPRETED),
            install='pip install triton',
            automatic=False,
            proves=('cuda',),
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


# What describes the problem on which backends of an operator prove themselves.
PROOFS = {
    'selective_scan': 'mmmap.ops.selective_scan.proof',
    'causal_conv1d': 'mmmap.ops.causal_conv1d.proof',
}


def choose(
    op: str, device: torch.device | str, name: str | None = None, *traits
) -> Backend:
    """The backend that computes ``op`` on ``device``.

    Args:
        op: Operator, a key of ``BACKENDS``.
        device: Device of its tensors: ``'cpu'``, ``'cuda:1'``, ...
        name: Name of a backend; by default the operator's environment
            variable decides, and without that the device.
        traits: Properties of the problem, see ``refuses``; without them, any
            problem.

    Raises:
        InputError: The name is not a backend of this operator.
        BackendError: The named backend cannot run here, or its results
            differ from the torch backend's.
    """
    device = torch.device(device)
    backends = BACKENDS[op]
    source = 'backend argument'
    if name is None:
        name = os.environ.get(ENVIRONMENT[op]) or None
        source = f'environment variable {ENVIRONMENT[op]}'
    if name is None:
        return _first_that_runs(op, device, traits)
    known = {backend.name: backend for backend in backends}
    if name not in known:
        raise InputError(
            f'{op}: unknown backend {name!r} from the {source}; '
            f'choose one of {", ".join(known)}'
        )
    reason = known[name].why_not(device.type, *traits)
    reason = reason or _failed_proof(op, known[name], device, traits)
    if reason:
        raise BackendError(
            f'{op}: the {source} asks for backend {name!r}, '
            f'which cannot run: {reason}'
        )
    return known[name]


# By operator and backend: torch.compile can trace a look-up, not an import.
_loaded: dict[tuple[str, str], Callable] = {}


def implementation(
    op: str, device: torch.device, name: str | None = None, *traits
) -> Callable:
    """The function that computes ``op``; see ``choose``."""
    return _loaded[op, _load(op, device, name, *traits)]


@torch.compiler.assume_constant_result
def _load(op: str, device: torch.device, name: str | None, *traits) -> str:
    backend = choose(op, device, name, *traits)
    _loaded[op, backend.name] = backend.load()
    return backend.name


def _first_that_runs(op: str, device: torch.device, traits: tuple) -> Backend:
    for backend in BACKENDS[op]:
        if not backend.unasked(device.type, *traits):
            continue
        reason = _failed_proof(op, backend, device, traits)
        if not reason:
            return backend
        _warn_once(
            f'{op}: backend {backend.name!r} is disabled on {device}'
            f'{_for(traits)}, and the next one runs: {reason}'
        )
    raise RuntimeError(f'{op}: no backend runs on {device}')


# What is wrong with a backend by operator, name, device and traits, or None.
_proofs: dict[tuple, str | None] = {}
_proving = threading.Lock()


def _failed_proof(
    op: str, backend: Backend, device: torch.device, traits: tuple
) -> str | None:
    """What is wrong with a backend on a device; computed once."""
    if device.type not in backend.proves:
        return None
    if device.index is None and device.type == 'cuda':
        if not torch.cuda.is_available():  # only asks what would be chosen
            return None
        device = torch.device('cuda', torch.cuda.current_device())
    key = (op, backend.name, device, traits)
    if key not in _proofs and not _capturing(device):
        with _proving:
            if key not in _proofs:
                _proofs[key] = _prove(op, backend, device, traits)
    return _proofs.get(key)


def _prove(op, backend, device, traits) -> str | None:
    right = next(b for b in BACKENDS[op] if b.name == 'torch').load()
    problem = importlib.import_module(PROOFS[op])
    return fault(backend.load(), right, problem, device, traits)


def _capturing(device: torch.device) -> bool:
    """Whether a CUDA graph is being captured, which would include a proof."""
    return device.type == 'cuda' and torch.cuda.is_current_stream_capturing()


def _for(traits: tuple) -> str:
    return f' for {", ".join(map(str, traits))}' if traits else ''


@functools.cache
def _warn_once(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def report() -> list[tuple[str, str, str, str]]:
    """Which backend runs: (operator, device type, backend, reason) rows."""
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
    device = torch.device(device_type)
    passed = []
    for backend in BACKENDS[op]:
        if backend is chosen:
            break
        # Backends for other device types were never candidates.
        serves = not backend.devices or device_type in backend.devices
        if serves and backend.automatic:
            reason = backend.why_not(device_type)
            reason = reason or _failed_proof(op, backend, device, ())
            passed.append(f'{backend.name}: {reason}')
    return '; '.join(passed) or 'first choice'
