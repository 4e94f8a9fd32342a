import os
import subprocess
import sys
import time

import pytest

from mmmap.engine.launch import nothing_left_behind
from mmmap.engine.work_dir_lock import NAME, WorkDirInUse, lock_work_dir
from mmmap.errors import InputError

HOLDER = """
import os, sys, time
from mmmap.engine.work_dir_lock import lock_work_dir
with lock_work_dir(sys.argv[1]):
    if os.fork() == 0:  # as a worker that loads data
        time.sleep(20)
        os._exit(0)
    print('locked', flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process, with a child, that has locked a folder."""
    process = subprocess.Popen(
        [sys.executable, '-c', HOLDER, tmp_path / 'run'],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.stdout.readline() != 'locked\n':
        assert process.poll() is None
    yield process
    os.killpg(process.pid, 9)
    process.communicate()


@pytest.mark.slow
def test_a_second_run_is_refused_and_touches_nothing(holder, tmp_path):
    folder = tmp_path / 'run'
    (folder / 'epoch_1.pth').write_text('of the first')
    expected = (
        f'another training writes into {folder} .process {holder.pid} on'
    )
    with (
        pytest.raises(WorkDirInUse, match=expected),
        nothing_left_behind(str(folder)),
    ):
        raise AssertionError('not reached')
    assert sorted(os.listdir(folder)) == [NAME, 'epoch_1.pth']


@pytest.mark.slow
def test_a_killed_run_leaves_no_lock_behind(holder, tmp_path):
    """Though its workers, which have its files, live on for a while."""
    holder.kill()
    holder.wait()
    begin = time.time()
    with lock_work_dir(tmp_path / 'run'):
        assert time.time() - begin < 1


@pytest.mark.slow
def test_other_ranks_do_not_lock(holder, tmp_path, monkeypatch):
    before = (tmp_path / 'run' / NAME).read_text()
    monkeypatch.setenv('RANK', '1')
    with nothing_left_behind(str(tmp_path / 'run')):
        assert (tmp_path / 'run' / NAME).read_text() == before


def test_one_after_the_other(tmp_path):
    for _ in range(2):
        with lock_work_dir(tmp_path / 'new' / 'run'):
            held = (tmp_path / 'new' / 'run' / NAME).read_text()
            assert held.startswith(f'process {os.getpid()} on ')


def test_nothing_is_left_of_a_run_that_is_refused(tmp_path):
    folder = tmp_path / 'new' / 'run'
    with pytest.raises(InputError), nothing_left_behind(str(folder)):
        (folder / 'config.py').write_text('x')
        raise InputError('refused')
    assert not list(tmp_path.iterdir())
