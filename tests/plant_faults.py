"""Plant faults one after another, and see which tests notice.

    python tests/plant_faults.py [--tree DIR] [--out JSON] [NAME ...]

Each fault of tests/data/faults.yml is put into a copy of the repository, and
its tests are run there in a process that need not import torch and OpenMMLab
again. A NAME is a part of the files' names whose faults are planted; all by
default. The exit status is 1 if a fault remains unnoticed.
"""

import argparse
import contextlib
import gc
import importlib
import io
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEFT_OUT = ('.git', '.venv', '__pycache__', '.pytest_cache', 'work_dirs')
# What mmmap imports, without mmmap.
STACK = (
    'pytest',
    'mmpretrain.models',
    'mmdet.apis',
    'mmseg.apis',
    'matplotlib.figure',
    'torch.onnx',
)


class Failures:
    """A plugin of pytest that keeps the names of what fails."""

    def __init__(self):
        self.names, self.run = {}, 0

    def pytest_runtest_logreport(self, report):
        """A test with its parameters is one test."""
        self.run += report.when == 'call'
        if report.failed:
            name = report.nodeid.partition('[')[0]
            self.names[name] = self.names.get(name, 0) + 1

    def pytest_collectreport(self, report):
        """A file that cannot be imported."""
        if report.failed:
            self.names[report.nodeid] = 1


def run_tests(tree, paths, select):
    """Run tests of a tree here; what failed, and how many were run."""
    import pytest

    os.chdir(tree)
    os.environ['PYTHONPATH'] = str(tree)
    sys.path.insert(0, str(tree))
    failures = Failures()
    options = ['-q', '-p', 'no:cacheprovider', '-p', 'no:xdist']
    options += ['-k', select] if select else []
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        pytest.main([*options, *paths], plugins=[failures])
    return dict(failed=failures.names, run=failures.run)


def apart(function, *arguments):
    """Call a function in a fork of this process; what it returns."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reader)
            answer = json.dumps(function(*arguments)).encode()
            with open(writer, 'wb') as pipe:
                pipe.write(answer)
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, 'rb') as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(answer) if answer else dict(failed={'crash': 1}, run=0)


def plant(tree, fault):
    """Put a fault into a tree and run its tests; the tree is whole after."""
    path = tree / fault['file']
    text = path.read_text() if path.is_file() else ''
    if text.count(fault['old']) != 1:
        return dict(failed={}, run=0, error='its text is not there once')
    path.write_text(text.replace(fault['old'], fault['new']))
    try:
        return apart(run_tests, tree, fault['tests'], fault.get('select'))
    finally:
        path.write_text(text)


def described(fault, result):
    """A line, or more, on what noticed a fault."""
    first = fault['old'].strip().splitlines()[0]
    lines = [f'{fault["file"]}: {first}']
    if 'error' in result:
        lines.append(f'    {result["error"]}')
    elif not result['failed']:
        lines.append(f'    NOT NOTICED by {result["run"]} tests')
    lines += [f'    {name} ({n})' for name, n in result['failed'].items()]
    return '\n'.join(lines)


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('names', nargs='*', metavar='NAME')
    parser.add_argument(
        '--tree', type=Path, default=HERE.parent, help='another checkout'
    )
    parser.add_argument('--out', type=Path, help='results by fault, as JSON')
    return parser.parse_args()


def main():
    """Plant the faults; the number of those that nobody noticed."""
    import yaml

    args = parse_args()
    faults = yaml.safe_load((HERE / 'data/faults.yml').read_text())
    if args.names:
        faults = [f for f in faults if any(n in f['file'] for n in args.names)]
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    os.environ.setdefault('TRITON_INTERPRET', '1')
    # Files change within a second: no byte code of the one before.
    sys.dont_write_bytecode = True
    os.environ['PYTHONDONTWRITEBYTECODE'] = '1'
    for name in STACK:
        importlib.import_module(name)
    # What is imported stays in memory that all share, and is never collected.
    gc.freeze()
    results, unnoticed = {}, 0
    with tempfile.TemporaryDirectory(prefix='faults') as folder:
        tree = Path(folder, 'tree')
        ignored = shutil.ignore_patterns(*LEFT_OUT)
        shutil.copytree(args.tree, tree, ignore=ignored)
        for fault in faults:
            result = plant(tree, fault)
            unnoticed += not result['failed']
            print(described(fault, result), flush=True)
            results[f'{fault["file"]}: {fault["old"]}'] = result
            if args.out:
                args.out.write_text(json.dumps(results, indent=1))
    print(f'{len(results) - unnoticed} of {len(results)} faults noticed')
    return int(unnoticed > 0)


if __name__ == '__main__':
    sys.exit(main())
