"""Configs are formatted once, whoever asks for their text."""

from mmengine.config import Config

import mmmap  # noqa: F401  changes mmengine
from mmmap.openmmlab import config_text


def test_a_config_is_formatted_when_it_has_changed(monkeypatch):
    formatted = []
    plain = config_text._format

    def counted(config):
        formatted.append(config)
        return plain(config)

    monkeypatch.setattr(config_text, '_format', counted)
    monkeypatch.setattr(config_text, '_known', {})
    config = Config(dict(a=dict(b=1), c='x'))
    text = "a = dict(b=1)\nc = 'x'\n"
    assert [config.pretty_text, config.pretty_text] == [text, text]
    assert len(formatted) == 1
    assert Config(dict(a=dict(b=1), c='x')).pretty_text == text
    assert len(formatted) == 1
    config.a.b = 2
    assert config.pretty_text == text.replace('1', '2')
    assert len(formatted) == 2
    for number in range(20):
        config.a.b = number
        assert f'b={number})' in config.pretty_text
    assert len(config_text._known) <= config_text._KEPT
