"""From a module to an ONNX file that is checked to compute the same.

Letters: B batch, C channels, H W pixels.
"""

import json
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from ..engine.trained_models import image_channels
from ..errors import UserError
from ..ops.backend import ENVIRONMENT
from ..ops.selective_scan import torch_chunked  # noqa: F401 (the operator)

# Largest difference from PyTorch, relative to its largest value.
TOLERANCE = 1e-4
# Of boxes, in pixels, and of the scores and masks of detectors.
PIXELS = 1e-3
# Boxes of lower scores may be kept by one and not by the other.
_SURE = 0.06
# An ONNX file is a protobuf message, of at most 2 GiB.
_LARGEST = 2**31 - 2**26
INSTALL = 'pip install -r requirements/export.txt'


class ExportError(UserError, RuntimeError):
    """A model cannot be exported to ONNX; the message says why."""


def export_onnx(
    module: nn.Module,
    path: str | Path,
    size: tuple[int, int],
    outputs: Sequence[str],
    dynamic_size: bool = False,
    meta: dict | None = None,
    overwrite: bool = False,
) -> float:
    """Export a module to ONNX, and check it with onnxruntime.

    The input of the file is ``images``, (B, C, H, W) fp32, for any B and the
    module's C.

    Args:
        module: Maps images to a tensor or a tuple of them.
        path: File to write; weights of more than 2 GiB go to
            ``NAME.onnx.data`` beside it.
        size: H, W.
        outputs: Names of the tensors.
        dynamic_size: Whether H and W may vary.
        meta: Metadata of the file, stored as JSON under each key.
        overwrite: Whether to replace a file of that name.

    Returns:
        The largest difference of an output from PyTorch's, relative to the
        largest value of that output.

    Raises:
        ExportError: torch cannot export it, the result differs by more than
            1e-4 or cannot be written, or a package is missing. No file
            remains then.
    """
    module = module.eval()
    # With one image, torch would fix the batch size to 1.
    inputs = dict(images=_images(2, module, size))
    dims: dict = {0: torch.export.Dim('batch')}
    if dynamic_size:
        dims |= {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}

    def check(file: Path) -> float:
        error = _largest_error(module, file, size, dynamic_size)
        if not error <= TOLERANCE:
            raise ExportError(
                f'onnxruntime differs from PyTorch by {error:.1e} of the '
                f'largest value, more than {TOLERANCE:.0e}: {path} was not '
                'written'
            )
        return error

    with _new_file(Path(path), overwrite) as file:
        _write(module, file, inputs, dict(images=dims), outputs, meta)
        return check(file)


def export_detector(
    module: nn.Module,
    path: str | Path,
    outputs: Sequence[str],
    images: Sequence[tuple[Tensor, tuple[int, int]]],
    meta: dict | None = None,
    overwrite: bool = False,
) -> tuple[float, int]:
    """Export a detector of :func:`~.detectors.detector_part`, and check it.

    The inputs of the file are ``images``, (1, C, H, W) fp32, of any H and W
    whose coarsest map has at least two rows and columns, and ``shape``.

    Args:
        module: The detector.
        path: As of :func:`export_onnx`.
        outputs: Names of the tensors.
        images: To check with: padded images (1, C, H, W), and height and
            width without the padding.
        meta: As of :func:`export_onnx`.
        overwrite: As of :func:`export_onnx`.

    Returns:
        The largest difference of a box from PyTorch's, in pixels, and how
        many boxes were compared.

    Raises:
        ExportError: As of :func:`export_onnx`; boxes may differ by 1e-3
            pixels, scores and masks by 1e-3.
    """
    module = module.eval()
    image = images[0][0]
    # No map may have one row: torch would fix that.
    larger = [max(edge, 256) for edge in image.shape[2:]]
    example = torch.randn(*image.shape[:2], *larger)
    inputs = dict(images=example, shape=torch.tensor(larger).float())
    dynamic = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    with _new_file(Path(path), overwrite) as file:
        dims = dict(images=dynamic, shape=None)
        _write(module, file, inputs, dims, outputs, meta)
        return _compared(module, file, outputs, images, path)


@contextmanager
def _new_file(path: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary file that is moved to ``path`` at the end, with its weights.

    Raises:
        ExportError: It exists, cannot be written, or packages are missing.
    """
    if path.exists() and not overwrite:
        raise ExportError(
            f'{path} exists; choose another name or pass --overwrite'
        )
    _need_packages()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            yield Path(folder, path.name)
            for part in Path(folder).iterdir():
                os.replace(part, path.with_name(part.name))
    except OSError as error:
        raise ExportError(f'cannot write {path}: {error}') from error


def _need_packages() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ExportError(
            f'{error}: ONNX files need it; install it with: {INSTALL}'
        ) from error


@contextmanager
def _torch_operators() -> Iterator[None]:
    """Compute with operators that ONNX has."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT.values()}
    os.environ.update(dict.fromkeys(before, 'torch'))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _images(batch: int, module: nn.Module, size: tuple[int, int]) -> Tensor:
    generator = torch.Generator().manual_seed(batch)
    channels = image_channels(module) or 3
    return torch.randn(batch, channels, *size, generator=generator)


@torch.no_grad()
def _write(
    module: nn.Module,
    file: Path,
    inputs: dict[str, Tensor],
    dims: dict[str, dict | None],
    outputs: Sequence[str],
    meta: dict | None,
) -> None:
    from .nms_op import nms_padded_onnx
    from .onnx_scan import scan_chunks

    try:
        with _torch_operators(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            traced = torch.export.export(
                module,
                tuple(inputs.values()),
                dynamic_shapes=tuple(dims.values()),
                strict=False,
            )
            program = torch.onnx.export(
                traced,
                input_names=list(inputs),
                output_names=list(outputs),
                custom_translation_table={
                    torch.ops.mmmap.scan_chunks.default: scan_chunks,
                    torch.ops.mmmap.nms_padded.default: nms_padded_onnx,
                },
                verbose=False,
            )
    # torch's exporter raises errors of any type.
    except Exception as error:
        raise ExportError(
            f'torch cannot export {type(module).__name__}: {_reason(error)}; '
            'see docs/deployment.md for what can be exported'
        ) from error
    for key, value in (meta or {}).items():
        program.model.metadata_props[key] = json.dumps(value)
    weights = (*module.parameters(), *module.buffers())
    heavy = sum(x.numel() * x.element_size() for x in weights) > _LARGEST
    program.save(file, external_data=heavy)


def _reason(error: BaseException) -> str:
    """The first line of the root cause of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = filter(None, map(str.strip, str(error).splitlines()))
    return f'{type(error).__name__}: {next(lines, "")}'


@torch.no_grad()
def _largest_error(module, file, size, dynamic_size) -> float:
    """Inputs with one and three images, and with another size if allowed."""
    cases = [_images(1, module, size), _images(3, module, size)]
    if dynamic_size:
        H, W = size
        cases.append(_images(1, module, (H + H // 2 + 1, W + 3)))
    worst = 0.0
    for images in cases:
        truths = module(images)
        truths = (truths,) if isinstance(truths, Tensor) else truths
        found = _computed(file, dict(images=images))
        for ours, truth in zip(found, truths, strict=True):
            difference = (torch.from_numpy(ours) - truth).abs().max()
            worst = max(worst, (difference / truth.abs().max()).item())
    return worst


@torch.no_grad()
def _compared(module, file, outputs, images, path) -> tuple[float, int]:
    """The largest difference of boxes, and the number of them."""
    worst, number = 0.0, 0
    for image, size in images:
        inputs = dict(images=image, shape=torch.tensor(size).float())
        truth = dict(zip(outputs, module(**inputs)))
        found = {
            name: torch.from_numpy(value)
            for name, value in zip(outputs, _computed(file, inputs))
        }
        for index in (truth['scores'] > _SURE).nonzero().flatten().tolist():
            error, others = _nearest(truth, found, index)
            number += 1
            worst = max(worst, error)
            if not (error <= PIXELS and others <= PIXELS):
                raise ExportError(
                    f'onnxruntime differs from PyTorch: a box by {error:.1e} '
                    f'pixels, its score or mask by {others:.1e}, more than '
                    f'{PIXELS:.0e}: {path} was not written'
                )
    return worst, number


def _nearest(truth: dict, found: dict, index: int) -> tuple[float, float]:
    """Differences of a box, and of its score and mask, from the nearest."""
    box, label = truth['boxes'][index], truth['labels'][index]
    far = (found['boxes'] - box).abs().amax(-1)
    far[(found['labels'] != label) | (found['scores'] <= 0)] = torch.inf
    nearest = int(far.argmin())
    others = max(
        (found[name][nearest] - truth[name][index]).abs().max().item()
        for name in ('scores', 'masks')
        if name in truth
    )
    return far[nearest].item(), others


def _computed(file: Path, inputs: dict[str, Tensor]) -> list:
    """The outputs of onnxruntime."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(
            file, providers=['CPUExecutionProvider']
        )
        return session.run(None, {k: x.numpy() for k, x in inputs.items()})
    # Its errors have no more specific base class.
    except Exception as error:
        shape = 'x'.join(map(str, inputs['images'].shape))
        raise ExportError(
            f'onnxruntime cannot compute {file.name} of images {shape}: '
            f'{_reason(error)}; see docs/deployment.md for what can be '
            'exported'
        ) from error
