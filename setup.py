"""Finds the packages, the configs and tools, and the C++ operators.

The rest is in pyproject.toml. A wheel carries configs and tools in
``mmmap/.mim``, as OpenMMLab's packages do.

The operators are built where torch and a compiler are at hand
(``pip install --no-build-isolation -e .``); without them the package works,
slower on a CPU.
"""

import shutil
import warnings
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

SOURCES = Path('mmmap/ops/csrc')
SHIPPED = ('configs', 'tools', 'model-index.yml')


class BuildWithConfigs(build_py):
    """Puts configs and tools into the package; not of an editable install."""

    def run(self) -> None:
        """Copy the package, then what belongs to it."""
        super().run()
        if self.editable_mode:
            return
        mim = Path(self.build_lib, 'mmmap/.mim')
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        unwanted = shutil.ignore_patterns('__pycache__', 'own')
        for name in SHIPPED:
            if Path(name).is_dir():
                shutil.copytree(name, mim / name, ignore=unwanted)
            else:
                shutil.copy(name, mim / name)


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


operators = extensions()
commands = dict(build_py=BuildWithConfigs, **operators.pop('cmdclass', {}))
setup(
    cmdclass=commands,
    packages=find_packages(include=['mmmap*']),
    package_data={
        'mmmap.visualization': ['*.html'],
        'mmmap.ops.cuda': ['kernels/*'],
    },
    **operators,
)
