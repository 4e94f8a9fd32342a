"""Commands that run side by side: how they end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers import REPO, load_tool

# A shell's background processes ignore SIGINT, and their children inherit it.
PARENT = '''
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from experiments.side_by_side import Progress, Step, run_stage
out = Path(sys.argv[1])
child = f"""
import os, pathlib, time
pathlib.Path({str(out / 'part')!r}).write_text(str(os.getpid()))
os.rename({str(out / 'part')!r}, {str(out / 'child')!r})
time.sleep(300)
"""
step = Step('sleep', ['-c', child], 1, lambda: False)
run_stage([[step]], out, Progress([[[step]]]))
'''


@pytest.mark.parametrize('sign', [signal.SIGINT, signal.SIGTERM])
def test_an_ended_parent_ends_its_commands(sign, tmp_path):
    places = os.pathsep.join([str(REPO / 'tools'), str(REPO)])
    parent = subprocess.Popen(
        [sys.executable, '-c', PARENT, tmp_path],
        env=os.environ | {'PYTHONPATH': places},
        stderr=subprocess.DEVNULL,
    )
    file = tmp_path / 'child'
    while not file.is_file() and parent.poll() is None:
        time.sleep(0.05)
    child = int(file.read_text())
    parent.send_signal(sign)
    assert parent.wait(30) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_what_begins_after_a_failure_is_ended(tmp_path):
    """A command whose lane had looked before the other one failed."""
    tool = load_tool('experiments/side_by_side.py')

    def done():
        progress.stopped.wait(60)
        return False

    failing = tool.Step('this', ['-c', 'exit(1)'], 1, lambda: False)
    late = tool.Step('late', ['-c', 'import time; time.sleep(60)'], 1, done)
    stage = [[failing], [late]]
    progress = tool.Progress([stage])
    handler, begin = signal.getsignal(signal.SIGTERM), time.monotonic()
    with pytest.raises(tool.StepError, match='this failed'):
        tool.run_stage(stage, tmp_path, progress)
    signal.signal(signal.SIGTERM, handler)
    assert time.monotonic() - begin < 30


def test_what_does_not_need_a_failure_continues(tmp_path, capsys):
    tool = load_tool('experiments/side_by_side.py')
    ran = []

    def step(title, code, needed):
        def after(seconds):
            ran.append(title)

        argv = ['-c', code]
        return tool.Step(title, argv, 1, lambda: False, after, needed)

    fails = 'print("a log"); print("error: no disk"); exit(1)'
    stage = [
        [step('a', fails, True), step('b', '', False)],
        [step('c', '', True), step('d', fails, False), step('e', '', False)],
    ]
    progress = tool.Progress([stage], 1)
    handler = signal.getsignal(signal.SIGTERM)
    failed = tool.run_stage(stage, tmp_path, progress, keep_going=True)
    signal.signal(signal.SIGTERM, handler)
    assert ran == ['c', 'e']
    assert [str(error).split(' failed')[0] for error in failed] == ['a', 'd']
    assert str(failed[0]).splitlines()[1:] == ['no disk']
    assert '[1/5] a: failed' in capsys.readouterr().out
