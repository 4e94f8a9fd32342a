"""The benchmarks run; what they measure is not tested."""

import csv
import json
import sys

import pytest

from tests.helpers import load_tool
from tests.tools.conftest import command


def bench(name, *arguments):
    script = f'tools/benchmarks/bench_{name}.py'
    done = command(sys.executable, script, '--quick', *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_scan(tmp_path):
    out = tmp_path / 'new' / 'scan.csv'
    assert 'outputs and gradients equal' in bench('scan', '--out', out)
    with open(out, newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['scan'] for row in rows] == 2 * ['chunked', 'loop', 'textbook']
    assert all(float(row['ms']) > 0 for row in rows)


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_memory(tmp_path):
    out = tmp_path / 'memory.json'
    bench('memory', '--out', out)
    content = json.loads(out.read_text())
    assert content['machine'].startswith('torch ')
    peaks = {
        (row['what'], row['size']): row['peak_mib'] for row in content['rows']
    }
    assert len(peaks) == 10
    size = 'L 128 N 64'
    assert peaks['chunked scan', size] < peaks['textbook scan', size] / 4


def test_pretrain():
    assert 'images_per_s' in bench('pretrain')


def test_out_of_another_kind():
    common = load_tool('benchmarks/common.py')
    args = common.base_parser('').parse_args(['--out', 'scan.txt'])
    with pytest.raises(SystemExit, match=r'end in .csv or .json, got scan'):
        common.start(args, 'nothing')
