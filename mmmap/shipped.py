"""Where this package keeps its configs and tools.

In the repository they lie beside the package. A wheel carries them in
``mmmap/.mim``, where OpenMMLab's packages have theirs.
"""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

_PACKAGE = Path(__file__).resolve().parent
PREFIX = 'mmmap::'  # of a `_base_` that names one of our configs


def root() -> Path:
    """The folder that holds ``configs`` and ``tools``."""
    mim = _PACKAGE / '.mim'
    return mim if mim.is_dir() else _PACKAGE.parent


def config_path(name: str) -> Path:
    """The file of ``mmmap::NAME`` or of ``NAME`` in our configs.

    Raises:
        FileNotFoundError: There is none.
    """
    path = root() / 'configs' / name.removeprefix(PREFIX)
    if not path.is_file():
        raise FileNotFoundError(
            f'mmmap has no config {name.removeprefix(PREFIX)}; its configs '
            f'are in {root() / "configs"}'
        )
    return path


def tool(name: str) -> ModuleType:
    """A script of ``tools`` as a module, for example ``tool('train')``."""
    path = root() / 'tools' / f'{name}.py'
    spec = spec_from_file_location(f'mmmap_tool_{name}', path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
