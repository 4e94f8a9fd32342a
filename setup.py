"""Finds the packages and the C++ operators; the rest is in pyproject.toml.

The operators are built where torch and a compiler are at hand
(``pip install --no-build-isolation -e .``); without them the package works,
slower on a CPU.
"""

import warnings
from pathlib import Path

from setuptools import find_packages, setup

SOURCES = Path('mmmap/ops/csrc')


def extensions() -> dict:
    """The C++ operators, if torch is there to build against."""
    try:
        from torch.utils.cpp_extension import BuildExtension, CppExtension
    except ImportError:
        return {}
    operators = CppExtension(
        'mmmap._C',
        [str(path) for path in sorted(SOURCES.glob('*.cpp'))],
        depends=[str(path) for path in sorted(SOURCES.iterdir())],
        # OpenMP's own library is not linked: torch has loaded one, and two
        # would be two sets of threads.
        extra_compile_args=['-O3', '-fopenmp', '-Wno-psabi'],
    )
    operators.optional = True

    class Build(BuildExtension):
        """Compiles one file a core; without a compiler it warns."""

        def build_extensions(self) -> None:
            try:
                super().build_extensions()
            except Exception as error:
                warnings.warn(f'no C++ operators: {error}', stacklevel=1)

    return dict(ext_modules=[operators], cmdclass=dict(build_ext=Build))


setup(
    packages=find_packages(include=['mmmap*']),
    package_data={
        'mmmap.visualization': ['*.html'],
        'mmmap.ops.cuda': ['kernels/*'],
    },
    **extensions(),
)
