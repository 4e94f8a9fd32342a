"""The installer: its record, its progress, its care for what is half done."""

import errno
import importlib.util
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[1] / 'tools'
sys.path.insert(0, str(TOOLS))

from installer import machine, process, steps  # noqa: E402

from tests.helpers import load_tool  # noqa: E402


class Clock:
    """A clock whose seconds pass on request."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def installer(tmp_path, monkeypatch):
    """An installer whose steps write their names instead of installing."""
    made = steps.Installer(tmp_path / '.venv', ops='cpu')
    made.ran = []
    made.fail_at = None
    real = made.steps()

    def act(name):
        if name == made.fail_at:
            raise KeyboardInterrupt
        made.ran.append(name)
        made.python.parent.mkdir(parents=True, exist_ok=True)
        made.python.touch()

    monkeypatch.setattr(
        made,
        'steps',
        lambda: [s._replace(run=lambda name=s.name: act(name)) for s in real],
    )
    made.take_lock()
    return made


NAMES = ['venv', 'runtime', 'build', 'mmcv', 'openmmlab', 'mmmap']


def test_interrupted_step_is_done_again(installer):
    installer.fail_at = 'mmcv'
    with pytest.raises(KeyboardInterrupt):
        installer.install()
    assert installer.ran == NAMES[:3]
    assert [step.name for step in installer.pending()] == NAMES[3:]
    installer.fail_at = None
    installer.install()
    assert installer.ran == NAMES
    assert installer.pending() == []


def test_nothing_is_done_twice(installer):
    installer.install()
    installer.install()
    assert installer.ran == NAMES


def test_everything_is_pending_without_the_interpreter(installer):
    installer.install()
    installer.python.unlink()
    assert [step.name for step in installer.pending()] == NAMES


def test_repair_does_all_but_the_environment_again(installer):
    installer.install()
    installer.record.forget_packages()
    assert [step.name for step in installer.pending()] == NAMES[1:]


def test_operators_built_before_are_kept(installer, monkeypatch):
    monkeypatch.setattr(steps, 'detect_ops', lambda: 'cuda')
    assert steps.Installer(installer.venv).ops == 'python'
    assert steps.Installer(installer.venv, 'compiled').ops == 'cuda'
    installer.install()
    assert steps.Installer(installer.venv).ops == 'cpu'
    assert steps.Installer(installer.venv, 'python').ops == 'python'
    installer.record.forget_packages()
    assert steps.Installer(installer.venv).ops == 'cpu'


def test_operators_built_before_an_interrupt_are_kept(installer):
    installer.fail_at = 'openmmlab'
    with pytest.raises(KeyboardInterrupt):
        installer.install()
    assert steps.Installer(installer.venv).ops == 'cpu'


def keys(monkeypatch, tmp_path, ops='cpu', **changes):
    """The keys of the steps after a change of requirements."""
    pins = steps.pins
    with monkeypatch.context() as patch:
        patch.setattr(
            steps, 'pins', lambda name: changes.get(name, pins(name))
        )
        made = steps.Installer(tmp_path / '.venv', ops).steps()
    return {step.name: step.key for step in made}


def test_keys_follow_the_requirements(monkeypatch, tmp_path):
    before = keys(monkeypatch, tmp_path)
    same_torch = [*steps.pins('runtime'), 'timm==1.0.0']
    after = keys(monkeypatch, tmp_path, runtime=same_torch)
    changed = [name for name in NAMES if before[name] != after[name]]
    assert changed == ['runtime', 'mmmap']
    other_torch = ['torch==2.12.0', 'torchvision==0.27.0']
    after = keys(monkeypatch, tmp_path, runtime=other_torch)
    changed = [name for name in NAMES if before[name] != after[name]]
    assert changed == ['runtime', 'mmcv', 'mmmap']


def test_key_follows_the_operators_in_python(monkeypatch, tmp_path):
    package = shutil.copytree(
        steps.PYTHON_OPS,
        tmp_path / 'package',
        ignore=shutil.ignore_patterns('build'),
    )
    before = keys(monkeypatch, tmp_path, 'python')
    assert before['mmcv'] != keys(monkeypatch, tmp_path, 'cpu')['mmcv']
    monkeypatch.setattr(steps, 'PYTHON_OPS', package)
    assert keys(monkeypatch, tmp_path, 'python') == before
    (package / 'build').mkdir()
    (package / 'build' / 'left.py').touch()
    assert keys(monkeypatch, tmp_path, 'python') == before
    with (package / 'mmcv' / '_ext.py').open('a') as file:
        file.write('# changed')
    after = keys(monkeypatch, tmp_path, 'python')
    assert [name for name in NAMES if before[name] != after[name]] == ['mmcv']


def test_a_link_to_an_environment_does_not_remake_it(installer, tmp_path):
    installer.install()
    link = tmp_path / 'link'
    link.symlink_to(installer.venv)
    assert steps.Installer(link).pending() == []


def test_comments_are_no_requirements():
    pins = steps.pins('mminstall')
    assert len(pins) == 5
    assert steps.pinned(pins, 'onedl-mmcv') == 'onedl-mmcv==2.3.6'


def test_record_survives_an_interrupted_write(tmp_path):
    record = steps.Record(tmp_path)
    assert record.read() == {}
    record.put('a', '1')
    (tmp_path / 'install.new').write_text('{"a": "1", "b')
    record.put('b', '2')
    assert record.read() == {'a': '1', 'b': '2'}


def test_torn_packages_are_removed(tmp_path):
    site = tmp_path / 'lib' / 'python3.11' / 'site-packages'
    for name in ('whole-1.0', 'torn-1.0'):
        (site / f'{name}.dist-info').mkdir(parents=True)
        (site / f'{name}.dist-info' / 'METADATA').touch()
    (site / 'whole-1.0.dist-info' / 'INSTALLER').touch()
    (site / '~orch').mkdir()
    removed = steps.remove_torn_packages(tmp_path)
    assert removed == ['torn-1.0.dist-info', '~orch']
    assert [path.name for path in site.iterdir()] == ['whole-1.0.dist-info']


@pytest.mark.parametrize('record', [{}, {'venv': 'begun'}])
def test_half_made_environment_is_remade(tmp_path, monkeypatch, record):
    made = steps.Installer(tmp_path / '.venv', ops='cpu')
    made.take_lock()
    if record:
        # It answers, but an interrupt came while it was made.
        made.record.write(record)
        made.python.parent.mkdir()
        made.python.symlink_to(sys.executable)
    (made.venv / 'leftover').mkdir()
    commands = []
    monkeypatch.setattr(made, 'run', commands.append)
    made.make_venv()
    assert commands == [[sys.executable, '-m', 'venv', made.venv]]
    left = sorted(path.name for path in made.venv.iterdir())
    assert left == ['install.json', 'install.lock']


def test_environment_made_by_hand_is_adopted(tmp_path, monkeypatch):
    made = steps.Installer(tmp_path / '.venv', ops='cpu')
    made.python.parent.mkdir(parents=True)
    made.python.symlink_to(sys.executable)
    monkeypatch.setattr(made, 'run', pytest.fail)
    made.make_venv()
    assert made.python.exists()


@pytest.mark.parametrize(
    ('broken', 'said'),
    [('import sys; ', 'not 3.10 to 3.13'), ('import pip', 'has no pip')],
)
def test_foreign_environment_that_does_not_fit_is_left_alone(
    tmp_path, monkeypatch, broken, said
):
    made = steps.Installer(tmp_path / '.venv', ops='cpu')
    monkeypatch.setattr(
        steps, 'runs', lambda python, code: not code.startswith(broken)
    )
    (made.venv / 'mine').mkdir(parents=True)
    with pytest.raises(machine.InstallError, match=said):
        made.make_venv()
    assert (made.venv / 'mine').exists()


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """The commands of an mmcv step, run on a made-up environment.

    Returns:
        A function: whether the operators load at each look, and the record
        before -> the command lines.
    """

    def collect(answers, record, ops='cpu'):
        made = steps.Installer(tmp_path, ops)
        made.record.write(record)
        lines = []

        def run(command, **_):
            lines.append(map(str, command))
            if 'wheel' in command:
                command[-1].mkdir()
                (command[-1] / 'mmcv.whl').touch()

        monkeypatch.setattr(made, 'run', run)
        monkeypatch.setattr(steps, 'runs', lambda *_: answers.pop(0))
        (step,) = (step for step in made.steps() if step.name == 'mmcv')
        step.run()
        assert not answers
        assert not (tmp_path / 'install.wheels').exists()
        return [' '.join(line) for line in lines]

    return collect


def test_wheel_that_serves_is_kept(commands):
    (first,) = commands([True], {})
    assert 'install -v --no-build-isolation onedl-mmcv==2.3.6' in first
    assert '--force-reinstall' not in first


def test_damaged_mmcv_is_put_back_from_the_wheel(commands):
    first, second = commands([False, True], {})
    assert '--force-reinstall' in second


def test_wheel_that_does_not_serve_is_rebuilt(commands):
    *_, drop, build, check = commands([False, False], {})
    assert drop.endswith('-m pip cache remove onedl_mmcv*')
    assert '--force-reinstall --no-deps' in build
    assert check.endswith(steps.OPS_CHECK['cpu'])


def test_mmcv_of_another_torch_is_rebuilt(commands):
    drop, build, _ = commands([], {'mmcv': 'built for another torch'})
    assert drop.endswith('-m pip cache remove onedl_mmcv*')
    assert '--force-reinstall --no-deps' in build


def test_mmcv_without_a_compiler(commands):
    wheel, install = commands([False, True], {}, 'python')
    # Isolated, its build finds no torch; no compiled wheel is taken instead.
    assert '--no-build-isolation' not in wheel
    assert 'wheel --no-deps onedl-mmcv==2.3.6 --no-cache-dir' in wheel
    assert f'mmcv.whl --no-build-isolation {steps.PYTHON_OPS}' in install


def test_operators_compiled_by_hand_are_kept(commands):
    (install,) = commands([True], {}, 'python')
    assert 'mmcv.whl' not in install
    assert str(steps.PYTHON_OPS) in install


def test_compiled_operators_give_way_when_asked_to(commands):
    before = {'mmcv': 'compiled', 'ops': 'cpu'}
    _, first, second, check = commands([False, False], before, 'python')
    assert '--force-reinstall' not in first
    assert '--force-reinstall --no-deps' in second
    # What it says is the end of the log.
    assert check.endswith("assert mmcv._ext.__file__.endswith('.py')")


def test_builds_are_isolated_whatever_the_shell_says(installer, monkeypatch):
    monkeypatch.setenv('PIP_NO_BUILD_ISOLATION', '0')
    monkeypatch.setenv('PYTHONPATH', '/elsewhere')
    variables = installer.variables()
    assert not {'PIP_NO_BUILD_ISOLATION', 'PYTHONPATH'} & set(variables)


@pytest.mark.parametrize('kind', steps.OPS_CHECK)
def test_check_of_the_operators_is_python(kind):
    compile(steps.OPS_CHECK[kind], kind, 'exec')


def test_ninja_lines_become_percent_and_time_left():
    clock = Clock()
    progress = process.Progress(io.StringIO(), clock)
    clock.now = 60.0
    progress.feed('  [2/78] c++ -MMD -MF a.o.d -c a.cpp -o a.o\n')
    assert progress.note == 'compiling, 2 of 78 files (2 %)'
    clock.now = 260.0
    progress.feed('  [22/78] c++ -MMD -MF b.o.d -c b.cpp -o b.o\n')
    # 20 files in 200 seconds, so 560 seconds for the other 56.
    assert progress.note == (
        'compiling, 22 of 78 files (28 %), about 9 min left'
    )
    progress.feed('warning: [1/2] in the middle of a line\n')
    assert progress.note.startswith('compiling, 22')


@pytest.mark.parametrize(
    'line, note',
    [
        (
            'Downloading torch-2.11.0-cp311-cp311-linux.whl (530.6 MB)',
            'downloading torch, 530.6 MB',
        ),
        (
            '  Downloading https://host/a/numpy-2.2.6-cp311.whl (16.4 MB)',
            'downloading numpy, 16.4 MB',
        ),
        ('  Building editable for a (pyproject.toml): started', 'building a'),
        ('Installing collected packages: a, b, c', 'unpacking 3 packages'),
        ('Requirement already satisfied: torch', 'starting'),
    ],
)
def test_pip_lines_become_notes(line, note):
    progress = process.Progress(io.StringIO(), Clock())
    progress.feed(line + '\n')
    assert progress.note == note


def test_heartbeat_in_a_log_comes_every_half_minute():
    stream, clock = io.StringIO(), Clock()
    progress = process.Progress(stream, clock)
    for clock.now in range(0, 121, 10):
        progress.show()
    assert stream.getvalue().splitlines() == [
        f'    {text}: starting' for text in ('30 s', '60 s', '90 s', '2 min')
    ]


def test_output_goes_to_the_log_and_failure_shows_its_end(tmp_path):
    log = tmp_path / 'install.log'
    code = 'print("\\n".join(map(str, range(100)))); raise SystemExit(3)'
    command = [sys.executable, '-c', code]
    status = process.run_logged(command, log, dict(os.environ))
    assert status == 3
    lines = str(process.failure(command, status, log)).splitlines()
    assert lines[:25] == [str(number) for number in range(75, 100)]
    assert any('exit status 3' in line for line in lines[25:])


def test_interrupt_ends_the_command_and_its_children(tmp_path):
    child = subprocess.Popen(
        ['sh', '-c', 'sleep 60 & echo $!; wait'],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    grandchild = int(child.stdout.readline())
    process.end_group(child)
    assert child.returncode == -signal.SIGTERM
    deadline = time.monotonic() + 5
    while alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(grandchild)


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    status = Path(f'/proc/{pid}/stat')
    return status.exists() and status.read_text().split()[2] != 'Z'


def test_missing_ensurepip_names_the_package(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda _: None)
    with pytest.raises(machine.InstallError, match='apt-get install .*-venv'):
        machine.check_python()


def test_too_new_python_is_refused(monkeypatch):
    monkeypatch.setattr(machine, 'NEWEST_PYTHON', (3, 9))
    with pytest.raises(machine.InstallError, match='Python 3.10 to 3.13'):
        machine.check_python()


def test_too_old_python_is_refused_before_all_else():
    code = (
        'import sys, runpy; sys.version_info = (3, 9, 1); '
        'runpy.run_path(sys.argv[1])'
    )
    done = subprocess.run(
        [sys.executable, '-c', code, str(TOOLS / 'install.py')],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert 'this is Python 3.9' in done.stderr
    assert 'PYTHON=python3.11' in done.stderr


def test_missing_compiler_is_reported_first(monkeypatch):
    monkeypatch.delenv('CXX', raising=False)
    monkeypatch.setattr(machine.shutil, 'which', lambda _: None)
    with pytest.raises(machine.InstallError, match='no C.. compiler') as error:
        machine.check_machine(Path('.venv'), {'mmcv'}, 'cpu')
    assert 'make install OPS=python' in str(error.value)
    machine.check_machine(Path('.venv'), {'mmcv'}, 'python')


def test_full_disk_is_reported_first(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, 'DISK_GB', 10**9)
    with pytest.raises(machine.InstallError, match='GB free'):
        machine.check_disk(tmp_path / 'not' / 'yet' / '.venv')


def test_a_disk_that_fills_up_is_named(monkeypatch, tmp_path):
    log = tmp_path / 'install.log'
    log.write_text('Collecting torch')
    assert 'is full' not in str(process.failure(['pip'], 1, log))
    monkeypatch.setattr(process, 'FULL_GB', 10**9)
    assert f'The disk of {tmp_path} is full.' in str(
        process.failure(['pip'], 1, log)
    )


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EACCES])
def test_an_environment_that_cannot_be_written(
    monkeypatch, tmp_path, capsys, number
):
    tool = load_tool('install.py')
    # Those of the tests stay.
    monkeypatch.setattr(tool.signal, 'signal', lambda *_: None)

    def fail(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tool, 'install', fail)
    place = str(tmp_path / '.venv')
    monkeypatch.setattr(sys, 'argv', ['install.py', '--venv', place])
    assert tool.main() == 1
    said = capsys.readouterr().err
    assert said.startswith(f'Cannot write to {place}: {os.strerror(number)}.')


def test_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(machine.InstallError, match='left alone'):
        machine.check_place(tmp_path)
    (tmp_path / 'pyvenv.cfg').touch()
    machine.check_place(tmp_path)


def test_gpu_without_compiler_gets_cpu_operators(monkeypatch):
    present = {'nvidia-smi'}
    monkeypatch.setattr(
        machine.shutil, 'which', lambda name: name if name in present else None
    )
    answer = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(machine.subprocess, 'run', lambda *_, **__: answer)
    assert machine.detect_ops() == 'cpu'
    present.add('nvcc')
    assert machine.detect_ops() == 'cuda'
    answer.returncode = 9
    assert machine.detect_ops() == 'cpu'


def test_compilers_fit_the_memory(monkeypatch):
    monkeypatch.setattr(machine.os, 'sched_getaffinity', lambda _: range(16))
    for gigabytes, jobs in ((64, 16), (9, 4), (0.5, 1)):
        monkeypatch.setattr(
            machine, 'available_gb', lambda value=gigabytes: value
        )
        assert machine.compile_jobs() == jobs
