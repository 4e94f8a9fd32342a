"""A forked command line is, but for imports, one in its own process."""

import signal
import subprocess

import pytest

from tests.forks import command, environment, forked_python

pytestmark = pytest.mark.slow


def python(*arguments, **options):
    return command('python', *arguments, **options)


@pytest.mark.parametrize('forked', [True, False])
def test_arguments_folder_and_environment(tmp_path, forked):
    code = 'import os, sys; print(sys.argv[1:], os.getcwd(), os.environ["A"])'
    done = python('-c', code, 'x y', forked=forked, cwd=tmp_path, A='1')
    assert done.stdout == f"['x y'] {tmp_path} 1\n"
    (tmp_path / 'other.py').write_text('name = __name__')
    text = 'import sys, other\nprint(__name__, other.name, sys.argv)'
    (tmp_path / 'tool.py').write_text(text)
    done = python('tool.py', '-u', forked=forked, cwd=tmp_path)
    assert done.stdout == "__main__ other ['tool.py', '-u']\n"
    done = python('-u', '-m', 'tool', 'z', forked=forked, cwd=tmp_path)
    assert done.stdout.startswith('__main__ other [')


@pytest.mark.parametrize('forked', [True, False])
@pytest.mark.parametrize(
    ('code', 'status', 'message'),
    [
        ('pass', 0, ''),
        ('import sys; sys.exit()', 0, ''),
        ('import sys; sys.exit(3)', 3, ''),
        ('import sys; sys.exit("why")', 1, 'why'),
        ('1 / 0', 1, 'ZeroDivisionError: division by zero'),
        ('import os; os.kill(os.getpid(), 9)', -9, ''),
        ('import os; os.kill(os.getpid(), 15)', -15, ''),
    ],
)
def test_how_it_ends(code, status, message, forked):
    done = python('-c', code, forked=forked)
    assert done.returncode == status
    assert done.stderr.strip().rpartition('\n')[2] == message


def test_what_it_starts_is_forked_too():
    code = 'import torch, time; print(time.process_time())'
    words = f'[sys.executable, "-c", {code!r}]'
    done = python('-c', f'import subprocess, sys; subprocess.run({words})')
    # Imports alone take seconds.
    assert float(done.stdout) < 1


def test_no_two_begin_with_the_same_random_numbers():
    code = 'import numpy, torch; print(numpy.random.rand(), torch.rand(1))'
    assert python('-c', code).stdout != python('-c', code).stdout


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_signals_reach_it(number):
    folder = forked_python()
    code = "import time; print('started', flush=True); time.sleep(600)"
    process = subprocess.Popen(
        [folder / 'python', '-c', code],
        env=environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == 'started\n'
    process.send_signal(number)
    # The pipe ends when the forked process does, which holds it too.
    assert process.stdout.read() == ''
    assert process.wait(30) == -number
