"""What the operators need, and errors for missing ones."""

import importlib.metadata
from collections.abc import Callable

NO_TORCHVISION = """\
mmcv's operators run on torchvision's here, and these do not load: {error}
Install the torch and torchvision of one release, both by one command:
  pip install --force-reinstall torch torchvision
or compile mmcv's own operators:
  {compile}"""
NOT_HERE = """\
mmcv's operator {name} is not among those in Python on torchvision.
It needs mmcv's compiled operators, and these a C++ compiler (on a GPU, \
with FORCE_CUDA=1, also nvcc):
  {compile}"""


def compile_command() -> str:
    """The command that compiles the operators of the mmcv that is here."""
    for name in ('onedl-mmcv', 'mmcv'):
        try:
            pin = f'{name}=={importlib.metadata.version(name)}'
            break
        except importlib.metadata.PackageNotFoundError:
            pin = name
    return (
        "pip install 'setuptools<81' wheel ninja psutil && MMCV_WITH_OPS=1 "
        'FORCE_CUDA=0 pip install --force-reinstall --no-deps '
        f'--no-build-isolation --no-cache-dir {pin}'
    )


def check_torchvision() -> None:
    """Check that torchvision's operators load.

    Raises:
        ImportError: They do not; the text says what to install.
    """
    try:
        import torch
        import torchvision  # noqa: F401

        torch.ops.torchvision.roi_align  # noqa: B018
    # Made for another torch, torchvision raises a RuntimeError; built without
    # its operators, torch an AttributeError.
    except (ImportError, RuntimeError, AttributeError) as error:
        text = NO_TORCHVISION.format(error=error, compile=compile_command())
        raise ImportError(text) from error


def missing(name: str) -> Callable:
    """A placeholder for an operator that only a compiled mmcv has.

    Args:
        name: The operator's name in mmcv's extension.

    Returns:
        A function that takes any arguments and raises NotImplementedError.
    """

    def operator(*args, **kwargs):
        raise NotImplementedError(
            NOT_HERE.format(name=name, compile=compile_command())
        )

    operator.__name__ = name
    return operator


def get_compiler_version() -> str:
    """The text for the C++ compiler in reports of the environment."""
    return 'none: operators in Python on torchvision'


def get_compiling_cuda_version() -> str:
    """The text for the CUDA compiler in reports of the environment."""
    return 'none: operators in Python on torchvision'
