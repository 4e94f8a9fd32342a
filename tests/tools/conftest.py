"""Tiny data, tiny configs and the command lines, once a session."""

import itertools
import json
import time
from types import SimpleNamespace

import pytest
import yaml
from mmengine.runner import runner

from tests.helpers import forget_visualizers, load_tool
from tests.tools.tiny_configs import map_config, upernet_config

_COUNT = itertools.count()
# Fixtures that train.
TRAINED = {'pretrained', 'segmentor'}


def pytest_itemcollected(item):
    """Mark what waits for a training."""
    if TRAINED & set(item.fixturenames):
        item.add_marker('slow')


@pytest.fixture(scope='session')
def digits(tmp_path_factory):
    """Digit scenes of 64 pixels in the three layouts."""
    tool = load_tool('dataset_converters/make_digit_scenes.py')
    root = tmp_path_factory.mktemp('data') / 'digits'
    tool.make_digit_scenes(root, size=64, pretrain=(20, 10), scenes=(8, 4))
    return root


class Clock:
    """The module ``time``, whose ``time()`` gives each second once.

    mmengine names the folder of a run by it.
    """

    last = 0.0

    def time(self):
        Clock.last = max(time.time(), Clock.last + 1)
        return Clock.last

    def __getattr__(self, name):
        return getattr(time, name)


def call(tool, *arguments):
    """Run a tool's ``main`` here, where all is imported already.

    Runs of one name would share a log and a visualizer: each has its own.
    """
    runner.time = Clock()
    forget_visualizers()
    name = f'experiment_name=call{next(_COUNT)}'
    arguments = [str(a) for a in arguments]
    if '--cfg-options' in arguments:
        arguments.insert(arguments.index('--cfg-options') + 1, name)
    else:
        arguments += ['--cfg-options', name]
    try:
        return load_tool(tool).main(arguments)
    except SystemExit as end:  # argparse's
        return end.code


def message(stderr):
    """The end of what a user sees, which has to be the error alone."""
    assert 'Traceback' not in stderr
    before, error, text = f'\n{stderr}'.rpartition('\nerror: ')
    assert error
    assert 'error: ' not in before
    return text


@pytest.fixture
def refused(tmp_path, capfd):
    """Run a tool that has to refuse; return its message."""

    def refused(tool, *arguments, settings=()):
        work_dir = tmp_path / 'refused'
        run = (*arguments, '--work-dir', work_dir)
        if settings:
            run += ('--cfg-options', *settings)
        capfd.readouterr()
        assert call(tool, *run) == 1
        if tool == 'train.py':
            assert not work_dir.exists()
        return message(capfd.readouterr().err)

    return refused


def scalars(work_dir, name='loss'):
    """The lines that the runs in a work_dir logged with a name, by time."""
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [x for x in map(json.loads, lines) if name in x]


@pytest.fixture(scope='session')
def pretrained(digits, tmp_path_factory):
    """A tiny MAP after two epochs: config, work_dir, checkpoint."""
    folder = tmp_path_factory.mktemp('pretrained')
    config = map_config(folder / 'map.py', digits / 'imagenet_like')
    work_dir = folder / 'run'
    assert call('train.py', config, '--work-dir', work_dir) == 0
    return SimpleNamespace(
        config=config, work_dir=work_dir, checkpoint=work_dir / 'epoch_2.pth'
    )


@pytest.fixture(scope='session')
def segmentor(digits, pretrained, tmp_path_factory):
    """A tiny UPerNet from that MAP: config, work_dir, checkpoint."""
    folder = tmp_path_factory.mktemp('segmentor')
    config = upernet_config(folder / 'upernet.py', pretrained.checkpoint)
    work_dir = folder / 'run'
    options = ('--data-root', digits / 'ade_like', '--work-dir', work_dir)
    assert call('train.py', config, *options) == 0
    return SimpleNamespace(
        config=config, work_dir=work_dir, checkpoint=work_dir / 'epoch_2.pth'
    )


@pytest.fixture
def table(tmp_path, digits):
    """A study of two rows and one task, in YAML, as a dict and its file."""
    content = dict(
        seeds=[3, 4],
        pretraining=dict(
            config=str(map_config(tmp_path / 'map.py', 'data')),
            data='imagenet_like',
        ),
        tasks=[
            dict(
                name='segments',
                config=str(upernet_config(tmp_path / 'upernet.py')),
                data='ade_like',
                metric='mIoU',
            )
        ],
        rows=[
            dict(name='none', pretrained=False),
            dict(name='MAE', options={'model.decoder.attention': 'full'}),
        ],
    )
    file = tmp_path / 'table.yml'
    file.write_text(yaml.safe_dump(content))
    return content, file
