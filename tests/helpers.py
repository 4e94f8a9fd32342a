"""Helpers shared by the tests."""

import importlib.util
import re
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
FENCE = re.compile(r'^```(\w*)\n(.*?)^```', re.M | re.S)


def blocks(path, language=None):
    """The fenced blocks of a document.

    Args:
        path: The document.
        language: Of those wanted.

    Returns:
        list: Their texts; of all languages, pairs of language and text.
    """
    found = FENCE.findall(path.read_text())
    if language is None:
        return found
    return [code for kind, code in found if kind == language]


def each(names):
    """Make a test of one name a test of many, which reports all that fail.

    Args:
        names: What the test is called with, one after another.
    """

    def of_all(check):
        def test(subtests):
            for name in names:
                with subtests.test(name):
                    check(name)

        test.__doc__ = check.__doc__
        return test

    return of_all


def forget_visualizers():
    """The libraries keep them by name, for the whole process."""
    from mmengine.visualization import Visualizer

    for kind in (Visualizer, *Visualizer.__subclasses__()):
        kind._instance_dict.clear()


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
