"""The report survives rows that hang, crash or print nonsense.

Programs of a few lines stand in for the slices; a GPU is not needed.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.forks import command
from tests.helpers import REPO, load_tool
from tests.tools.tiny_configs import map_config, upernet_config

HEAD = f"""
import os, signal, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, {str(REPO / 'tools/benchmarks')!r})
from gpu_rows import Row, measure_all, parser

def one():
    return dict(ms=1.5)

def main(*rows):
    args = parser('').parse_args()
    measure_all([Row(key, call) for key, call in rows], args)
"""
FAULTS = """
def hangs():
    child = [sys.executable, '-c', 'import time; time.sleep(600)']
    process = subprocess.Popen(child)
    Path(os.environ['PIDS']).write_text(f'{os.getpid()} {process.pid}')
    time.sleep(600)

def crashes():
    os.kill(os.getpid(), signal.SIGSEGV)

def raises():
    raise RuntimeError('no kernel image')

def chatters():
    print('not json', flush=True)
    print('{"half":', flush=True)
    print('3', flush=True)
    return dict(ms=2.5, longest='a\\nb|c')
"""


@pytest.fixture
def report():
    return load_tool('benchmarks/gpu_report.py')


@pytest.fixture
def run(report, tmp_path):
    """A function that runs a program as a slice and returns its rows."""

    def run(text, limit=60, row_limit=30):
        kept = report.Report(tmp_path, dict(card='Card 1/2', torch='2'))
        program = tmp_path / 'program.py'
        program.write_text(HEAD + FAULTS + text)
        line = [sys.executable, str(program), 'ops', '--device', 'cpu']
        line += ['--results', str(kept.results)]
        report.run_slice('ops', line, kept, limit, row_limit)
        return {row['key']: row for row in report.read(kept.results)}

    run.page = tmp_path / 'gpu_card-1-2.md'
    run.results = tmp_path / 'gpu_card-1-2.jsonl'
    return run


def ended(pid):
    """Whether a process is gone, or only its parent has to notice."""
    status = Path(f'/proc/{pid}/stat')
    return not status.exists() or status.read_text().split()[2] == 'Z'


def wait_for(condition):
    for _ in range(100):
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_rows_after_faults_are_measured(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('PIDS', str(tmp_path / 'pids'))
    rows = run(
        "main(('a', one), ('hangs', hangs), ('b', one), ('crashes', crashes),"
        "('raises', raises), ('chatters', chatters))",
        row_limit=6,
    )
    assert list(rows) == ['a', 'hangs', 'b', 'crashes', 'raises', 'chatters']
    assert rows['a']['ms'] == rows['b']['ms'] == 1.5
    assert rows['hangs']['error'].startswith('hung: killed after ')
    assert rows['crashes']['error'].endswith('ended with signal 11')
    assert rows['raises']['error'] == 'RuntimeError: no kernel image'
    assert rows['chatters']['ms'] == 2.5
    output = capsys.readouterr().out
    assert 'ops: key=b ms=1.5' in output
    # Besides the two that were killed.
    assert 'ops: done, 4 rows' in output
    # With what the row had started.
    for pid in (tmp_path / 'pids').read_text().split():
        assert wait_for(lambda pid=pid: ended(pid))


def test_page_has_a_table_and_texts(run):
    run("main(('a', one), ('chatters', chatters))")
    page = run.page.read_text()
    assert page.startswith('# Card 1/2\n')
    assert '| key | ms | seconds |' in page
    assert '| a | 1.5 | 0.0 |' in page
    assert 'chatters:\n\n```text\na\nb|c\n```' in page


def test_finished_rows_are_left_out(run, monkeypatch):
    run("main(('a', one), ('raises', raises))")
    text = "main(('a', crashes), ('raises', one), ('b', one))"
    rows = run(text)
    assert rows['a']['ms'] == 1.5
    assert 'error' in rows['raises']
    assert rows['b']['ms'] == 1.5
    # Of another state of the package they are measured again.
    lines = run.results.read_text().replace('"source": "', '"source": "0')
    run.results.write_text(lines + '{"cut off')
    rows = run("main(('a', one), ('raises', one), ('b', one))")
    assert 'error' not in rows['raises']
    assert len(run.results.read_text().splitlines()) == 7


@pytest.mark.slow
def test_slice_ends_at_its_limit(run, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv('PIDS', str(tmp_path / 'pids'))
    started = time.monotonic()
    rows = run("main(('a', one), ('hangs', hangs))", limit=8)
    assert time.monotonic() - started < 20
    assert list(rows) == ['a']  # the second may do better another time
    assert 'ops: out of time' in capsys.readouterr().out


def test_program_that_does_not_start(run, capsys):
    rows = run('raise ImportError("no such library")')
    assert rows['starting']['error'].endswith('ended with status 1')
    assert 'ImportError: no such library' in capsys.readouterr().out


def test_gpu_that_is_gone_takes_a_new_program(run):
    """A row that left the GPU unusable, after which its program ends."""
    rows = run(
        'from gpu_rows import _say\n'
        'import gpu_rows\n'
        'def gone(device):\n'
        "    sys.exit('error: the GPU is unusable now')\n"
        'gpu_rows._clean = gone\n'
        "main(('raises', raises), ('a', one), ('b', one))"
    )
    assert rows['a']['ms'] == rows['b']['ms'] == 1.5


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
@pytest.mark.parametrize('end', ['SIGTERM', 'SIGHUP', 'SIGKILL'])
def test_nothing_is_left_when_it_is_ended(tmp_path, end):
    """By a user, a lost connection or a time limit."""
    program = tmp_path / 'gpu_ops.py'
    program.write_text(HEAD + FAULTS + "main(('hangs', hangs))")
    pids = tmp_path / 'pids'
    driver = (
        'import signal, sys\n'
        # Ignored where the tests are run by nohup, and so by the report.
        'signal.signal(signal.SIGHUP, signal.SIG_DFL)\n'
        f'sys.path.insert(0, {str(REPO / "tools/benchmarks")!r})\n'
        'import gpu_report\nfrom pathlib import Path\n'
        f'gpu_report.HERE = Path({str(tmp_path)!r})\n'
        "gpu_report.probe = lambda: dict(card='x')\n"
        f"gpu_report.main(['ops', '--out', {str(tmp_path)!r}])\n"
    )
    process = subprocess.Popen(
        [sys.executable, '-c', driver], env=os.environ | {'PIDS': str(pids)}
    )
    assert wait_for(lambda: pids.exists() and pids.read_text())
    process.send_signal(signal.Signals[end])
    process.wait(10)
    program, child = pids.read_text().split()
    # If it is killed at once, only the kernel can end what it watched.
    if end == 'SIGKILL':
        assert wait_for(lambda: ended(program))
        os.kill(int(child), signal.SIGKILL)
    for pid in (program, child):
        assert wait_for(lambda pid=pid: ended(pid))


def test_command_line(report, capsys):
    args = report.parse_args(['check', 'ops', '--limit', 'check=60', 'ops=5'])
    assert args.limits['check'] == 60
    assert args.limits['models'] == 240
    assert report.parse_args(['all']).slices == [
        *('check', 'ops', 'models', 'resolution')
    ]
    for wrong in (['train'], ['ops', '--limit', 'opps=3'], ['oops']):
        with pytest.raises(SystemExit):
            report.parse_args(wrong)
    with pytest.raises(SystemExit):
        report.parse_args(['ops', '--rows', '(tiny'])
    assert "'(tiny' is not a regular expression" in capsys.readouterr().err


def test_driver_that_hangs(report, monkeypatch):
    monkeypatch.setattr(report, 'CARD', 'import time; time.sleep(60)')
    with pytest.raises(SystemExit, match='did not find out within 1 s'):
        report.probe(limit=1)


def test_other_versions_are_measured_again(report, monkeypatch):
    import gpu_rows

    now = gpu_rows.source()
    assert now == gpu_rows.source()
    monkeypatch.setattr(gpu_rows, 'version', lambda name: f'{name} 9.9')
    assert gpu_rows.source() != now


@pytest.mark.slow
def test_slices_run_on_the_cpu(tmp_path):
    """With small sizes; what they measure is not tested."""
    slices = ('check', 'ops', 'models', 'resolution')
    done = command(
        *('python', 'tools/benchmarks/gpu_report.py', *slices),
        *('--device', 'cpu', '--quick', '--out', tmp_path),
        TRITON_INTERPRET='0',  # which takes minutes
    )
    for name in slices:
        assert f'{name}: done' in done.stdout, done.stdout + done.stderr
    lines = (tmp_path / 'gpu_none.jsonl').read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row['slice'] for row in rows} == set(slices)
    assert not [row for row in rows if 'error' in row]


@pytest.mark.slow
def test_training_slice_tells_each_run(tmp_path, digits):
    """With a study of one run; the same again does not train."""
    task = dict(
        name='segments',
        config=str(upernet_config(tmp_path / 'upernet.py')),
        data='ade_like',
        metric='mIoU',
    )
    content = dict(
        seeds=[3],
        pretraining=dict(
            config=str(map_config(tmp_path / 'map.py', 'data')),
            data='imagenet_like',
        ),
        tasks=[task],
        rows=[dict(name='none', pretrained=False)],
    )
    table = tmp_path / 'table.yml'
    table.write_text(json.dumps(content))
    program = (
        *('python', 'tools/benchmarks/gpu_train.py', 'train'),
        *('--table', table, '--data-root', digits, '--device', 'cpu'),
        *('--out', tmp_path / 'out'),
    )
    for _ in range(2):
        done = command(*program)
        assert done.returncode == 0, done.stderr
        begin, row = map(json.loads, done.stdout.splitlines())
        assert begin == dict(begin='none, segments, seed 3')
        assert row['key'] == begin['begin']
        assert row['metric'] == 'mIoU'
        assert 0 <= row['value'] <= 100
