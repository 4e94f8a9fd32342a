"""The benchmarks run; what they measure is not tested."""

import csv
import json
import sys

import pytest

from mmmap.errors import InputError
from tests.forks import command
from tests.helpers import load_tool

pytestmark = pytest.mark.slow


def bench(name, *arguments):
    script = f'tools/benchmarks/bench_{name}.py'
    done = command('python', script, '--quick', *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ops(tmp_path):
    out, plot = tmp_path / 'new' / 'ops.csv', tmp_path / 'ops.png'
    output = bench('ops', '--out', out, '--plot', plot)
    assert 'outputs and gradients equal' in output
    with open(out, newline='') as file:
        rows = list(csv.DictReader(file))
    names = [row['scan'] for row in rows]
    assert names[-4:] == ['torch', 'textbook', 'loop', 'limit']
    assert names[: len(names) // 2] == names[len(names) // 2 :]
    assert all(float(row['ms']) >= 0 for row in rows)
    assert plot.stat().st_size > 1000


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_memory(tmp_path):
    out = tmp_path / 'memory.json'
    bench('memory', '--out', out)
    content = json.loads(out.read_text())
    assert content['machine'].startswith('torch ')
    peaks = {
        (row['what'], row['size']): row['peak_mib'] for row in content['rows']
    }
    assert len(peaks) in (10, 14)  # without and with the C++ scan
    size = 'L 128 N 64'
    assert peaks['torch scan', size] < peaks['textbook scan', size] / 4


def test_model():
    output = bench('model', 'pretrain', 'sweep')
    assert 'images_per_s' in output
    assert 'ViT' in output


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_resolution(tmp_path):
    out, plot = tmp_path / 'sizes.csv', tmp_path / 'sizes.png'
    bench('resolution', '--inference', '--out', out, '--plot', plot)
    with open(out, newline='') as file:
        rows = list(csv.DictReader(file))
    names = ['HybridNet', 'HybridNet, windows', 'ViT', 'ViT, windows']
    assert [row['model'] for row in rows] == names * 2
    assert [row['tokens'] for row in rows] == ['4'] * 4 + ['16'] * 4
    assert all(float(row['s_per_step']) > 0 for row in rows)
    assert all(float(row['peak_mib']) > 0 for row in rows)
    assert plot.stat().st_size > 1000


def test_out_of_another_kind():
    common = load_tool('benchmarks/common.py')
    options = load_tool('benchmarks/options.py')
    args = options.base_parser('').parse_args(['--out', 'scan.txt'])
    with pytest.raises(InputError, match=r'end in .csv or .json, got scan'):
        common.start(args, 'nothing')


def test_check_data(tmp_path):
    out = tmp_path / 'data.csv'
    bench('check_data', '--size', '64', '--out', out)
    with open(out, newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['look'] for row in rows] == ['quick', 'full'] * 2
    assert [row['opened'] for row in rows] == ['50', '300'] * 2
