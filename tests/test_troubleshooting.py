"""The messages of the troubleshooting page are those that users see."""

import inspect
import re

import pytest

from mmmap.doctor.diagnosis import Doctor
from tests import troubles
from tests.helpers import REPO, blocks

PAGE = REPO / 'docs/troubleshooting.md'
# Messages that need another installation, and how the page says so.
NOT_SEEN = {
    'torchvision::nms': 'Not seen here.',
    'pkg_resources': 'Not seen here.',
    'mmcv._ext': 'Seen by hand.',
}
PROVOKED = {
    name: function
    for name, function in inspect.getmembers(troubles, inspect.isfunction)
    if list(inspect.signature(function).parameters) == ['folder']
}


def plain(text):
    """A message in one line, without a terminal's colours."""
    return ' '.join(re.sub('\x1b\\[\\d*m', '', text).split())


def pattern(message):
    """What a message of the page matches; ``...`` is anything."""
    parts = plain(message).split('...')
    return re.compile('.*'.join(map(re.escape, parts)))


MESSAGES = blocks(PAGE, 'text')


def documented(message):
    """The messages of the page that a message is."""
    return [m for m in MESSAGES if pattern(m).fullmatch(plain(message))]


@pytest.fixture(scope='module')
def messages(tmp_path_factory):
    """What each trouble says; a bare type where it says nothing."""
    messages = {}
    for name, function in PROVOKED.items():
        with pytest.raises(Exception) as caught:
            function(tmp_path_factory.mktemp(name))
        messages[name] = str(caught.value) or type(caught.value).__name__
    both = {'onedl-mmcv': '2.3.6', 'mmcv': '2.1.0', 'torch': '2.14.0'}
    wanted = {'onedl-mmcv': '==2.3.6', 'torch': '==2.11.0'}
    for row in Doctor(wanted, both).packages():
        messages[f'doctor, {row.name}'] = row.why
    return messages


@pytest.mark.slow
def test_each_message_is_on_the_page(messages):
    lost = {name: m for name, m in messages.items() if len(documented(m)) != 1}
    assert lost == {}


def test_the_page_has_no_other_message(messages):
    seen = [m for message in messages.values() for m in documented(message)]
    rest = [m for m in MESSAGES if m not in seen]
    assert len(rest) == len(NOT_SEEN)
    text = PAGE.read_text()
    for message, (word, mark) in zip(rest, NOT_SEEN.items(), strict=True):
        assert word in message
        assert mark in text.partition(message)[2].split('###')[0]
