"""Kill trainings at random moments, resume them, and compare the weights.

Example::

    python -m tests.faults.campaign --kills 50

For each library, with one process and with two, a tiny training ends early: by
SIGKILL, SIGTERM or SIGINT at a random moment, in the middle of a checkpoint,
before the checkpoint gets its name, before ``last_checkpoint`` is written, or
because the disk is full. Then it resumes. After a few interruptions it trains
to the end, and its last weights must equal those of an uninterrupted run, bit
by bit. Between interruptions, files in the work_dir are damaged, too.

Trainings are forks of this process, which has imported everything. So each
takes seconds, and is killed during training rather than during imports.
"""

import argparse
import builtins
import os
import random
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

import torch
from mmengine.fileio import LocalBackend

from mmmap.openmmlab.checkpoint_writing import WholeFileBackend
from mmmap.openmmlab.registration import REGISTERING
from tests.faults.trainings import write_configs
from tests.helpers import load_tool

# All imports of a training, so that forks skip them.
LIBRARIES = ('mmpretrain.models', 'mmseg.models', 'mmdet.models')
for name in (*LIBRARIES, *(f'mmmap.{name}' for name in REGISTERING)):
    import_module(name)
TRAIN = load_tool('train.py').main

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LONGEST = 60  # seconds that a process may outlive another


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def half_a_checkpoint(skip):
    """Die with half of a checkpoint written, after ``skip`` whole ones."""
    put = LocalBackend.put

    def half(self, obj, filepath):
        nonlocal skip
        skip -= 1
        if skip < 0:
            put(self, obj[: len(obj) // 2], filepath)
            die()
        put(self, obj, filepath)

    LocalBackend.put = half


def unrenamed_checkpoint(skip):
    """Die when a checkpoint is written but not yet renamed."""
    replace = os.replace

    def before(source, target):
        nonlocal skip
        skip -= str(target).endswith('.pth')
        if skip < 0:
            die()
        replace(source, target)

    os.replace = before


def empty_last_checkpoint(skip):
    """Die when ``last_checkpoint`` is open, and so empty."""
    plain = builtins.open

    def empty(file, *rest, **options):
        nonlocal skip
        opened = plain(file, *rest, **options)
        skip -= str(file).endswith('last_checkpoint')
        if skip < 0:
            die()
        return opened

    builtins.open = empty


def full_disk(skip):
    """Limit files to half of a checkpoint, after ``skip`` whole ones."""
    put = WholeFileBackend.put

    def limited(self, obj, filepath):
        nonlocal skip
        skip -= 1
        if skip < 0:
            size = len(obj) // 2
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        put(self, obj, filepath)

    WholeFileBackend.put = limited


FAULTS = (
    half_a_checkpoint,
    unrenamed_checkpoint,
    empty_last_checkpoint,
    full_disk,
)


def damage_checkpoint(work_dir, rng):
    """Change a byte of the newest checkpoint, if an older one is left."""
    found = sorted(
        (*work_dir.glob('epoch_*.pth'), *work_dir.glob('iter_*.pth')),
        key=os.path.getmtime,
    )
    if len(found) > 1:
        content = bytearray(found[-1].read_bytes())
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        stamp = found[-1].stat().st_mtime
        found[-1].write_bytes(content)
        os.utime(found[-1], (stamp, stamp))


def damage_last_checkpoint(work_dir, rng):
    """Fill ``last_checkpoint`` with random bytes."""
    (work_dir / 'last_checkpoint').write_bytes(rng.randbytes(50))


def damage_others(work_dir, rng):
    """Fill all files but checkpoints with random bytes."""
    for path in work_dir.rglob('*'):
        if path.is_file() and path.suffix != '.pth':
            path.write_bytes(rng.randbytes(200))


DAMAGES = (damage_checkpoint, damage_last_checkpoint, damage_others)


class Training:
    """One config and work_dir, trained by some processes.

    Args:
        config: Its file.
        work_dir: Also the name of its output, beside it.
        processes: How many.
    """

    def __init__(self, config, work_dir, processes):
        self.config, self.work_dir = config, Path(work_dir)
        self.processes = processes
        self.log = self.work_dir.with_suffix('.log')
        self.children = []

    def start(self, fault=None, skip=0):
        """Fork the processes; the first has a fault."""
        with socket.socket() as trial:
            trial.bind(('127.0.0.1', 0))
            port = trial.getsockname()[1]
        self.children = []
        for rank in range(self.processes):
            child = os.fork()
            if child == 0:
                self._run(rank, port, fault if rank == 0 else None, skip)
            self.children.append(child)

    def _run(self, rank, port, fault, skip):
        """Train in a child process, and exit as a command does."""
        code = 1
        try:
            with open(self.log, 'ab') as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            options = ['--work-dir', self.work_dir, '--resume']
            options.append('--no-data-check')
            if self.processes > 1:
                options += ['--launcher', 'pytorch']
                os.environ.update(
                    RANK=str(rank),
                    LOCAL_RANK=str(rank),
                    WORLD_SIZE=str(self.processes),
                    MASTER_ADDR='127.0.0.1',
                    MASTER_PORT=str(port),
                )
            if fault:
                fault(skip)
            code = TRAIN([str(x) for x in (self.config, *options)])
        except KeyboardInterrupt:
            code = 130
        finally:
            os._exit(code)

    def wait(self, within=None):
        """Exit statuses, once all have ended; kill those that do not end.

        Raises:
            AssertionError: One did not end in time.
        """
        until = time.time() + (within or 600)
        left, statuses = list(self.children), []
        while left:
            child, status = os.waitpid(left[0], os.WNOHANG)
            if child:
                left.pop(0)
                statuses.append(os.waitstatus_to_exitcode(status))
            elif time.time() > until:
                for child in left:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                raise AssertionError(f'not ended after {within} s: {self.log}')
            time.sleep(0.01)
        return statuses

    def weights(self):
        """All tensors of the last checkpoint, including averages (EMA)."""
        found = [*self.work_dir.glob('[ei]*_*.pth')]
        path = max(found, key=lambda p: int(p.stem.split('_')[1]))
        content = torch.load(path, weights_only=False)
        parts = ('state_dict', 'ema_state_dict')
        return path.name, {
            (part, name): value
            for part in parts
            for name, value in content.get(part, {}).items()
        }


def interrupt(training, seconds, rng):
    """Interrupt a training once.

    Returns:
        The kind of interruption, or None if the training ended first.
    """
    if rng.random() < 0.5:
        moment, number = rng.uniform(0, seconds), rng.choice(SIGNALS)
        training.start()
        until = time.time() + moment
        while time.time() < until:
            time.sleep(0.005)
        # One process, or all of them as Ctrl-C does.
        victims = list(training.children)
        if rng.random() < 0.5:
            victims = [rng.choice(victims)]
        for child in victims:
            os.kill(child, number)
        kind = number.name
    else:
        fault = rng.choice(FAULTS)
        training.start(fault, rng.randrange(3))
        kind = fault.__name__.replace('_', ' ')
    statuses = training.wait(seconds * 3 + LONGEST)
    return None if not any(statuses) else kind


def same(one, other):
    """Whether two trainings ended with equal weights."""
    (name, first), (other_name, second) = one.weights(), other.weights()
    return (
        name == other_name
        and first.keys() == second.keys()
        and all(torch.equal(first[key], second[key]) for key in first)
    )


def campaign(config, folder, processes, kills, rng, chain=5):
    """Interrupt trainings ``kills`` times, each at most ``chain`` times.

    Returns:
        The count of each kind of interruption and damage, the number of runs
        compared, and those with other weights.
    """
    whole = Training(config, folder / 'whole', processes)
    begin = time.time()
    whole.start()
    assert not any(whole.wait()), f'see {whole.log}'
    seconds = time.time() - begin
    kinds, compared, wrong = Counter(), 0, []
    while kills > 0:
        run = Training(config, folder / f'run{compared}', processes)
        for _ in range(min(chain, kills)):
            kind = interrupt(run, seconds, rng)
            if kind is None:
                break
            kinds[kind] += 1
            kills -= 1
            if run.work_dir.is_dir() and rng.random() < 0.4:
                damage = rng.choice(DAMAGES)
                damage(run.work_dir, rng)
                kinds[damage.__name__.replace('_', ' ')] += 1
        run.start()
        statuses = run.wait(seconds * 3 + LONGEST)
        compared += 1
        if any(statuses) or not same(whole, run):
            wrong.append(f'{run.log}: {statuses}')
        else:
            shutil.rmtree(run.work_dir)
    return kinds, compared, wrong


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kills', type=int, default=50)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--libraries', nargs='+', default=['mmpretrain', 'mmseg', 'mmdet']
    )
    parser.add_argument('--processes', type=int, nargs='+', default=[1, 2])
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix='mmmap-faults-'))
    make = load_tool('dataset_converters/make_digit_scenes.py')
    make.make_digit_scenes(
        folder / 'data', size=64, pretrain=(20, 10), scenes=(8, 4)
    )
    configs = write_configs(folder, folder / 'data')
    failed = False
    for library in args.libraries:
        for processes in args.processes:
            rng = random.Random(f'{args.seed} {library} {processes}')
            place = folder / f'{library}{processes}'
            place.mkdir()
            begin = time.time()
            kinds, compared, wrong = campaign(
                configs[library], place, processes, args.kills, rng
            )
            print(
                f'| {library} | {processes} | {args.kills} | {compared} | '
                f'{len(wrong)} | {time.time() - begin:.0f} | '
                + ', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))
                + ' |',
                flush=True,
            )
            for run in wrong:
                print(f'other weights: {run}', file=sys.stderr, flush=True)
            failed |= bool(wrong)
    if not failed:
        shutil.rmtree(folder)
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
