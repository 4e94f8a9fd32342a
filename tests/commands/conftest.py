"""The command ``mmmap`` in this process."""

import pytest

from mmmap.commands.main import main
from tests.helpers import forget_visualizers


@pytest.fixture(autouse=True)
def own_visualizers():
    forget_visualizers()


def call(*arguments):
    return main([str(a) for a in arguments])
