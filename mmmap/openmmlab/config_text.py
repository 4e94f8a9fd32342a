"""The text of a config is formatted once.

mmengine formats it for the log, for files and for each checkpoint, with yapf:
about a quarter of a second each time.
"""

from mmengine.config.config import Config

_format = Config.pretty_text.fget
_KEPT = 8
_known: dict[str, str] = {}


def _pretty_text(self: Config) -> str:
    """As mmengine's; a config that has not changed has the same text."""
    content = f'{self._format_python_code} {self.to_dict()}'
    if content not in _known:
        text = _format(self)
        if len(_known) >= _KEPT:
            _known.clear()
        _known[content] = text
    return _known[content]


Config.pretty_text = property(_pretty_text, doc=Config.pretty_text.__doc__)
