"""``_base_ = 'mmmap::_base_/mmmap.py'`` names a config of this package.

mmengine knows such names only for a fixed list of packages.
"""

from mmengine.config import Config

from ..shipped import PREFIX, config_path

_of_others = Config._get_cfg_path


def _get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
    """As mmengine's; our configs have no scope of their own."""
    if cfg_path.startswith(PREFIX):
        return str(config_path(cfg_path)), None
    return _of_others(cfg_path, filename)


Config._get_cfg_path = staticmethod(_get_cfg_path)
