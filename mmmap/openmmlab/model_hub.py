"""Our models in mmpretrain's list, by the names of their configs."""

from pathlib import Path

from mmpretrain.apis.model import ModelHub

from .. import shipped


def register_models(root: Path | None = None) -> None:
    """Make ``mmpretrain.list_models`` and ``get_model`` know our configs.

    Only mmpretrain's: ``get_model`` builds nothing else. If mmmap was
    installed without its configs, nothing is registered.

    Args:
        root: Folder with ``configs``; by default that of this package.
    """
    root = root or shipped.root()
    metafile = root / 'configs/mmpretrain/metafile.yml'
    if metafile.is_file():
        ModelHub.register_model_index(metafile, config_prefix=root)


register_models()
