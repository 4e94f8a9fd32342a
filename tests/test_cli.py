"""How a command ends: its status, and its output."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from argparse import Namespace

import pytest
from mmengine.logging import MMLogger
from mmengine.registry import Registry

from mmmap import cli
from mmmap.checkpoints import CheckpointError
from mmmap.conversion.names import ConversionError
from mmmap.datasets.checked_pipeline import SampleError
from mmmap.datasets.checks import DataError
from mmmap.datasets.point_files import PointFileError
from mmmap.engine.hooks.nan_guard import DivergenceError
from mmmap.errors import FileError, InputError, UserError
from mmmap.export import ExportError
from mmmap.ops.backend import BackendError
from tests.helpers import REPO

ERRORS = (
    BackendError,
    CheckpointError,
    ConversionError,
    DataError,
    DivergenceError,
    ExportError,
    FileError,
    InputError,
    PointFileError,
    SampleError,
)
REGISTRY = Registry('thing', scope='mmmap_tests')


@REGISTRY.register_module()
class Thing:
    """Raises what it is given."""

    def __init__(self, error):
        raise error


def build(error):
    """An error of a constructor that a registry calls."""
    REGISTRY.build(dict(type='Thing', error=error))


def throw(error):
    raise error


def end(command, capsys, traceback=False):
    """Status of a command, and what it says."""
    status = cli.run(lambda args: command(), Namespace(traceback=traceback))
    return status, capsys.readouterr().err


@pytest.mark.parametrize('kind', ERRORS)
def test_what_a_user_can_fix_ends_in_its_message(kind, capsys):
    assert issubclass(kind, UserError)
    error = kind('it is red, expected blue')
    status, output = end(lambda: throw(error), capsys)
    assert (status, output) == (1, 'error: it is red, expected blue\n')
    status, output = end(lambda: throw(error), capsys, traceback=True)
    assert status == 1
    assert output.startswith('Traceback (most recent call last)')
    assert output.endswith('error: it is red, expected blue\n')


@pytest.mark.parametrize(
    'error',
    [
        ValueError('a bug'),
        RuntimeError('a bug'),
        KeyError('key'),
        TypeError('x.__init__() takes a bug'),
        AssertionError('of a library, at work'),
    ],
)
def test_a_bug_keeps_its_traceback(error, capsys):
    status, output = end(lambda: throw(error), capsys)
    lines = output.splitlines()
    assert status == 1
    assert lines[0] == 'Traceback (most recent call last):'
    assert lines[-2].startswith(type(error).__name__)
    assert lines[-1] == 'stopped; to continue, run the same command again'


@pytest.mark.parametrize(
    ('error', 'message'),
    [
        (ValueError('too  large'), 'ValueError: too large'),
        (AssertionError('no data'), 'AssertionError: no data'),
        (Exception('no samples'), 'Exception: no samples'),
        (
            TypeError("__init__() got an unexpected 'x'"),
            "TypeError: __init__() got an unexpected 'x'",
        ),
    ],
)
def test_what_registries_raise_before_the_first_step(error, message, capsys):
    status, output = end(lambda: build(error), capsys)
    assert (status, output) == (
        1,
        f'error: {message} (--traceback shows where)\n',
    )


def test_a_bug_in_a_constructor_keeps_its_traceback(capsys):
    for bug in (IndexError('list'), TypeError('None'), AssertionError()):
        _, output = end(lambda bug=bug: build(bug), capsys)
        assert output.startswith('Traceback')


def test_names_and_arguments_that_are_not_known(capsys):
    _, output = end(lambda: REGISTRY.build(dict(type='Nobody')), capsys)
    assert output.startswith('error: KeyError: Nobody is not in the')
    _, output = end(lambda: REGISTRY.build(dict(type='Thing', x=1)), capsys)
    assert "unexpected keyword argument 'x'" in output
    assert 'Traceback' not in output
    _, output = end(lambda: REGISTRY.build(dict(x=1)), capsys)
    assert 'must contain the key "type"' in output
    assert 'Traceback' not in output


def test_files(tmp_path, capsys):
    for path, expected in (
        (tmp_path, 'this is a folder, expected a file'),
        (tmp_path / 'none', 'there is no such file or folder'),
    ):
        status, output = end(path.read_text, capsys)
        assert status == 1
        assert output == f'error: {path}: {expected}; correct the path\n'
    error = FileNotFoundError('no config at a.py')
    assert end(lambda: throw(error), capsys)[1] == (
        'error: no config at a.py\n'
    )


def test_after_the_first_step_libraries_are_no_longer_believed(capsys):
    def work():
        with cli.during('predicting'):
            build(ValueError('too large'))

    _, output = end(work, capsys)
    assert output.startswith('Traceback')
    assert output.splitlines()[-1] == (
        'stopped while predicting; to continue, run the same command again'
    )


def test_where_a_user_error_ended_a_run(capsys):
    def work():
        with cli.during(
            lambda: cli.Activity('training, epoch 3', True, 'resume it')
        ):
            throw(InputError('no disk'))

    assert end(work, capsys)[1] == (
        'error: no disk\n'
        'stopped while training, epoch 3; to continue, resume it\n'
    )


def test_the_log_of_a_run_has_the_traceback(tmp_path, capsys):
    file = tmp_path / 'run.log'
    MMLogger.get_instance('of_a_run', log_file=str(file))
    try:
        end(lambda: throw(KeyError('a bug')), capsys)
        end(lambda: throw(InputError('too large')), capsys)
    finally:
        MMLogger._instance_dict.clear()
    bug, _, error = file.read_text().partition("KeyError: 'a bug'\n")
    assert 'Traceback (most recent call last)' in bug
    assert error.startswith('stopped; to continue')
    assert 'mmmap.errors.InputError: too large' in error


def test_ctrl_c_ends_in_one_line(capsys):
    def work():
        with cli.during(lambda: cli.Activity('training', True, 'resume it')):
            throw(KeyboardInterrupt())

    assert end(work, capsys) == (
        130,
        'interrupted while training; to continue, resume it\n',
    )


def test_ctrl_c_that_a_library_hides(capsys):
    """As mmengine's Config.pretty_text, with a bare except."""

    def work(error):
        try:
            throw(KeyboardInterrupt())
        except BaseException:
            throw(error)

    output = 'interrupted; to continue, run the same command again\n'
    assert end(lambda: work(SyntaxError('format')), capsys) == (130, output)
    full = end(lambda: work(OSError('the disk is full')), capsys)
    assert full == (1, 'error: the disk is full\n')


def test_the_error_of_a_loading_process_stands_alone(capsys):
    error = InputError(
        'Caught InputError in DataLoader worker process 0.\nOriginal '
        'Traceback (most recent call last):\n  File ...\n'
        'InputError: img.png is empty\n'
    )
    assert end(lambda: throw(error), capsys)[1] == 'error: img.png is empty\n'


def test_other_processes_let_the_first_speak(monkeypatch, capsys):
    waited = []
    monkeypatch.setattr(cli.time, 'sleep', waited.append)
    monkeypatch.setenv('RANK', '1')
    _, output = end(lambda: throw(InputError('of the second alone')), capsys)
    assert waited == [10.0]
    assert 'of the second alone' in output


def test_status_of_a_command(capsys):
    assert end(lambda: None, capsys) == (0, '')
    assert end(lambda: 3, capsys) == (3, '')


def test_settings_are_key_value(capsys):
    parser = cli.runner_parser('')
    found = parser.parse_args(['c.py', '--cfg-options', 'a.b=1=2', 'c='])
    assert found.cfg_options == {'a.b': '1=2', 'c': ''}
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args(['c.py', '--cfg-options', 'a.b', '1'])
    assert '--cfg-options takes KEY=VALUE' in capsys.readouterr().err


def test_every_tool_ends_here():
    """All but the installer, which runs before anything is installed.

    The report on a GPU, its parts and what the launchers start answer each
    other, not a person.
    """
    for path in (REPO / 'tools').rglob('*.py'):
        text = path.read_text()
        if "__name__ == '__main__'" not in text or path.name == 'install.py':
            continue
        if path.name.startswith(('gpu_', 'launch')):
            continue
        assert re.search(r'cli\.(run|command)\(|import command', text), path
        assert "'--traceback'" not in text, path


def test_ctrl_c_of_a_process(tmp_path):
    script = tmp_path / 'tool.py'
    script.write_text(
        textwrap.dedent("""
            import signal, sys, time
            from mmmap import cli

            # What starts in the background of a shell ignores Ctrl-C.
            signal.signal(signal.SIGINT, signal.default_int_handler)

            def command(args):
                with cli.during('sleeping'):
                    print('ready', flush=True)
                    time.sleep(60)

            parser = cli.command_parser('')
            sys.exit(cli.run(command, parser.parse_args()))
        """)
    )
    process = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | dict(PYTHONPATH=str(REPO)),
    )
    while process.stdout.readline() not in ('ready\n', ''):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, output = process.communicate(timeout=30)
    assert process.returncode == 130
    assert output == (
        'interrupted while sleeping; to continue, run the same command again\n'
    )
