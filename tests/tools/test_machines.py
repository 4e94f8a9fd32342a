"""Several machines, rehearsed as two network namespaces on this one."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
import torch

from tests.forks import command
from tests.helpers import REPO, load_tool
from tests.tools.tiny_configs import map_config

FIRST, SECOND = '10.203.77.1', '10.203.77.2'
# Half a second between signs of life, instead of three.
QUICK = """
import sys
sys.path.insert(0, 'tools')
import launch
launch._INTERVAL = 0.5
sys.exit(launch.main())
"""
DETERMINISTIC = """
param_scheduler = []
randomness = dict(seed=3)
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=2))
"""


def ip(*arguments):
    return subprocess.run(
        ['ip', *map(str, arguments)], capture_output=True, text=True
    )


@pytest.fixture
def machines():
    """Names of two namespaces that are joined by a pair of interfaces."""
    if shutil.which('ip') is None:
        pytest.skip('no command ip (of iproute2), which makes namespaces')
    names = [f'mmmap{os.getpid()}{letter}' for letter in 'ab']
    ends = [f've{os.getpid()}{letter}' for letter in 'ab']
    steps = [('netns', 'add', name) for name in names]
    steps.append(('link', 'add', ends[0], 'type', 'veth', 'peer', ends[1]))
    for name, end, address in zip(names, ends, (FIRST, SECOND)):
        inside = ('-n', name)
        steps += [
            ('link', 'set', end, 'netns', name),
            (*inside, 'addr', 'add', f'{address}/24', 'dev', end),
            (*inside, 'link', 'set', end, 'up'),
            (*inside, 'link', 'set', 'lo', 'up'),
        ]
    try:
        for step in steps:
            done = ip(*step)
            if done.returncode:
                pytest.skip(f'no network namespaces: {done.stderr.strip()}')
        yield dict(zip(names, ends))
    finally:
        for name in names:
            ip('netns', 'delete', name)


def start(machines, node, *arguments, **others):
    """A command of one machine."""
    namespace = list(machines)[node]
    # Real processes: their parents are killed.
    settings = dict(
        PYTHON=sys.executable,
        PYTHONPATH=str(REPO),
        OMP_NUM_THREADS='1',
        NNODES='2',
        NODE_RANK=str(node),
        MASTER_ADDR=FIRST,
        PORT='29511',
    )
    return subprocess.Popen(
        ['ip', 'netns', 'exec', namespace, *map(str, arguments)],
        cwd=REPO,
        env=os.environ | settings | others,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended(runs, within):
    """Status and output of each; those that do not end are killed."""
    until, results = time.time() + within, []
    for run in runs:
        try:
            output, _ = run.communicate(timeout=max(until - time.time(), 1))
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            output = f'not ended within {within} s\n{run.communicate()[0]}'
        results.append((run.returncode, output))
    return results


def wait_for(there, runs, within=120):
    until = time.time() + within
    while not there():
        assert time.time() < until, ended(runs, 0)
        assert all(run.poll() is None for run in runs), ended(runs, 0)
        time.sleep(0.1)


@pytest.fixture
def asleep(tmp_path):
    """A script that says it is there, and waits."""
    script = tmp_path / 'asleep.py'
    script.write_text(
        'import os, pathlib, time\n'
        f'there = pathlib.Path({str(tmp_path)!r})\n'
        "(there / os.environ['NODE_RANK']).write_text(\n"
        "    os.environ['GLOO_SOCKET_IFNAME'] + ' ' +\n"
        "    os.environ['NCCL_SOCKET_IFNAME'])\n"
        'time.sleep(300)\n'
    )
    return script


def asleep_on_both(machines, script):
    runs = [
        start(machines, node, sys.executable, '-c', QUICK, 1, script)
        for node in (0, 1)
    ]
    files = [script.with_name(str(node)) for node in (0, 1)]
    wait_for(lambda: all(f.is_file() and f.read_text() for f in files), runs)
    for file, end in zip(files, machines.values()):
        assert file.read_text() == f'{end} ={end}'
    # The first signs of life are exchanged.
    time.sleep(2)
    return runs


@pytest.mark.slow
@pytest.mark.parametrize('dies', [0, 1])
def test_one_dies_and_the_other_ends(machines, asleep, dies):
    runs = asleep_on_both(machines, asleep)
    os.killpg(runs[dies].pid, signal.SIGKILL)
    status, output = ended([runs[1 - dies]], 60)[0]
    assert status == 1, output
    assert f'no signal from machine {dies} for 4 s' in output


@pytest.mark.slow
def test_the_network_dies_and_both_end(machines, asleep):
    runs = asleep_on_both(machines, asleep)
    name, end = next(iter(machines.items()))
    assert ip('-n', name, 'link', 'set', end, 'down').returncode == 0
    for node, (status, output) in enumerate(ended(runs, 60)):
        assert status == 1, output
        assert f'no signal from machine {1 - node} for 4 s' in output


@pytest.mark.slow
def test_one_process_fails_and_the_other_machine_ends(machines, asleep):
    wait = "time.sleep(10 if os.environ['NODE_RANK'] == '1' else 300)"
    text = asleep.read_text().replace('time.sleep(300)', wait)
    asleep.write_text(f'{text}raise SystemExit(3)')
    runs = [
        start(machines, node, sys.executable, 'tools/launch.py', 1, asleep)
        for node in (0, 1)
    ]
    (first, said), (second, _) = ended(runs, 90)
    assert (first, second) == (1, 3)
    assert 'machine 1 failed; see its output' in said


def train(machines, config, work_dir, *options, **others):
    return [
        start(
            machines,
            node,
            *('tools/dist_train.sh', config, 1, '--work-dir', work_dir),
            *('--resume', *options),
            **others,
        )
        for node in (0, 1)
    ]


def weights(path):
    return torch.load(path, weights_only=False)['state_dict']


@pytest.mark.slow
def test_killed_and_resumed_as_on_one_machine(machines, digits, tmp_path):
    images = digits / 'imagenet_like'
    config = map_config(tmp_path / 'map.py', images, extra=DETERMINISTIC)
    few = ('--cfg-options', 'train_dataloader.batch_size=2')
    many = (*few, 'train_cfg.max_epochs=1000')
    folder = tmp_path / 'two'
    runs = train(machines, config, folder, *many)
    wait_for((folder / 'epoch_3.pth').is_file, runs)
    os.killpg(runs[1].pid, signal.SIGKILL)
    status, output = ended(runs[:1], 60)[0]
    assert status != 0, output
    written = [int(p.stem[6:]) for p in folder.glob('epoch_*.pth')]
    last = max(written) + 3
    end = (*few, f'train_cfg.max_epochs={last}')
    for status, output in ended(train(machines, config, folder, *end), 120):
        assert status == 0, output
    run = ('tools/dist_train.sh', config, 2, '--work-dir', tmp_path / 'one')
    assert command(*run, *end).returncode == 0
    one, two = (
        weights(tmp_path / name / f'epoch_{last}.pth')
        for name in ('one', 'two')
    )
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert torch.equal(value, two[key]), key


@pytest.mark.slow
def test_what_to_set_where_they_do_not_meet(machines, digits, tmp_path):
    config = map_config(tmp_path / 'map.py', digits / 'imagenet_like')
    wrong = dict(GLOO_SOCKET_IFNAME='lo')
    results = ended(train(machines, config, tmp_path / 'run', **wrong), 90)
    said = ''.join(output for _, output in results)
    assert all(status == 1 for status, _ in results), said
    assert 'the processes cannot reach each other' in said
    assert 'Set GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME' in said
    assert 'now MASTER_ADDR=10.203.77.1, GLOO_SOCKET_IFNAME=lo' in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(NNODES='2'), 'NNODES=2 needs MASTER_ADDR'),
        (
            dict(NNODES='2', MASTER_ADDR='127.0.0.1'),
            'and PORT, a free port of it',
        ),
        (
            dict(NNODES='2', NODE_RANK='2', MASTER_ADDR='::1', PORT='1'),
            'number the machines from 0 to 1',
        ),
        (
            dict(NNODES='2', MASTER_ADDR='nowhere.invalid', PORT='1'),
            'MASTER_ADDR=nowhere.invalid cannot be reached from here',
        ),
    ],
)
def test_missing_settings_are_an_error(settings, said):
    done = command('python', 'tools/launch.py', 1, 'none.py', **settings)
    assert done.returncode == 1
    assert done.stderr.startswith('error: ') and said in done.stderr
    assert 'Traceback' not in done.stderr


def test_the_interface_of_an_address(monkeypatch):
    tool = load_tool('launch.py')
    assert tool.interface_to('127.0.0.1') == 'lo'
    monkeypatch.setenv('GLOO_SOCKET_IFNAME', 'mine')
    # Set first, so that monkeypatch removes what the launcher sets.
    monkeypatch.setenv('NCCL_SOCKET_IFNAME', '')
    monkeypatch.delenv('NCCL_SOCKET_IFNAME')
    tool.choose_interface(socket.gethostbyname('localhost'))
    assert os.environ['GLOO_SOCKET_IFNAME'] == 'mine'
    assert os.environ['NCCL_SOCKET_IFNAME'] == '=lo'


@pytest.mark.parametrize('words', [[], ['1'], ['0', 'a.py'], ['x', 'a.py']])
def test_arguments_of_the_launcher(words, capsys):
    with pytest.raises(SystemExit) as end:
        load_tool('launch.py').check_arguments(words)
    assert end.value.code == 2
    assert f"got '{' '.join(words)}'; see --help" in capsys.readouterr().err
