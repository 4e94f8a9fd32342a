"""Helpers shared by the tests."""

import importlib.util
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]


def load_tool(name):
    """Import a script of ``tools/`` as a module.

    Args:
        name: Path below ``tools/``, with its suffix.

    Returns:
        ModuleType: The module, its ``main()`` not run.
    """
    path = REPO / 'tools' / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[path.stem] = module
    # Run as a script, a tool finds its neighbours.
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module
