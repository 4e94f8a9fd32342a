r"""Check and measure this project on the GPU of this machine, in slices.

    python tools/benchmarks/gpu_report.py check ops models
    python tools/benchmarks/gpu_report.py all --data-root DIR
    python tools/benchmarks/gpu_report.py check ops models \
        --limit check=60 ops=60 models=100

Each result is printed and written as soon as it is known: DIR/gpu_<card>.jsonl
has a line for each, DIR/gpu_<card>.md the tables. The same command continues
where the last one ended. A row that hangs or crashes is recorded, and the next
rows are measured. No process is left running.

Slices:

- ``check``: every backend, type and odd shape against fp64, memory checked;
- ``ops``: scan and convolution beside others' kernels and what limits them;
- ``models``: training steps, by backend, compiled or not, beside a ViT;
- ``resolution``: steps at 224 to 2048 px beside that ViT;
- ``train``: MAP, MAE and none on photographs; needs ``--data-root``.
"""

import argparse
import ctypes
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gpu_rows import ROOT, read, source

HERE = Path(__file__).parent
SLICES = {
    'check': 'gpu_check.py',
    'ops': 'gpu_ops.py',
    'models': 'gpu_models.py',
    'resolution': 'gpu_models.py',
    'train': 'gpu_train.py',
}
LIMIT = 240  # seconds of a slice
STARTING = 'starting'  # from the start of a program to its first row

CARD = """
import json, platform, torch
cuda = torch.cuda.is_available()
print(json.dumps(dict(
    card=torch.cuda.get_device_name() if cuda else None,
    torch=torch.__version__, cuda=torch.version.cuda,
    machine=platform.machine())))
"""


class Watched:
    """A program of a slice; if it hangs, it is ended with its children.

    Args:
        command: What runs.
        log: Where its errors are appended.
    """

    def __init__(self, command: list[str], log: Path) -> None:
        with open(log, 'ab') as file:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                env=os.environ | {'PYTHONPATH': _python_path()},
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest = b''
        self.doing = STARTING
        self.kept = 0
        self.since = time.monotonic()

    def run(
        self, deadline: float, row_limit: float, keep: Callable[[dict], None]
    ) -> str:
        """Pass its rows on until it ends; return how it ended.

        Args:
            deadline: When the slice must end, by ``time.monotonic``.
            row_limit: Seconds a row may take.
            keep: Called with each row.

        Returns:
            ``'done'``, ``'out of time'``, or what is wrong with the row in
            ``doing``.
        """
        try:
            return self._follow(deadline, row_limit, keep)
        finally:
            self._kill()

    def _follow(self, deadline, row_limit, keep) -> str:
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                ended = self.process.poll() is not None
                selector.select(0 if ended else 0.2)
                self._read(keep)
                now = time.monotonic()
                if ended:
                    return self._outcome()
                if now > deadline:
                    return 'out of time'
                if now - self.since > row_limit:
                    return f'hung: killed after {now - self.since:.0f} s'

    def _read(self, keep) -> None:
        data = self.process.stdout.read() or b''
        *lines, self.rest = (self.rest + data).split(b'\n')
        for line in lines:
            try:
                row = json.loads(line)
                begins = row.get('begin')
            except (ValueError, AttributeError):
                continue  # what a library prints
            self.since = time.monotonic()
            self.doing = begins
            if not begins:
                self.kept += 1
                keep(row)

    def _outcome(self) -> str:
        code = self.process.returncode
        if code == 0:
            return 'done'
        how = f'signal {-code}' if code < 0 else f'status {code}'
        return f'crashed: the program ended with {how}'

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def _end_with_parent() -> None:
    """Let the kernel end this process if the report is killed."""
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _python_path() -> str:
    return os.pathsep.join(
        filter(None, (str(ROOT), os.environ.get('PYTHONPATH')))
    )


class Report:
    """The results of one card, on disk after each row.

    Args:
        out: Folder of the report.
        machine: What ``probe`` found.
    """

    def __init__(self, out: Path, machine: dict) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.machine, self.source = machine, source()
        card = machine['card'] or 'none'
        name = f'gpu_{card.lower().replace(" ", "-").replace("/", "-")}'
        self.results = out / f'{name}.jsonl'
        self.page = out / f'{name}.md'
        # A truncated line must not spoil the next one.
        if self.results.is_file():
            text = self.results.read_text(encoding='utf-8')
            if text and not text.endswith('\n'):
                self.results.write_text(text + '\n', encoding='utf-8')

    def keep(self, name: str, row: dict) -> None:
        """Write and print a row of a slice."""
        shown = ' '.join(
            f'{k}={v}' for k, v in row.items() if '\n' not in str(v)
        )
        print(f'{name}: {shown}', flush=True)
        for value in row.values():
            if '\n' in str(value):
                print(value, flush=True)
        row = dict(slice=name, source=self.source) | row
        with open(self.results, 'a', encoding='utf-8') as file:
            file.write(json.dumps(row) + '\n')
        self.page.write_text(self.markdown(), encoding='utf-8')

    def markdown(self) -> str:
        """The latest row of each key, in tables."""
        rows = {(r['slice'], r['key']): r for r in read(self.results)}
        about = ', '.join(f'{k} {v}' for k, v in self.machine.items())
        parts = [f'# {self.machine["card"]}', about]
        parts.append('Written by `tools/benchmarks/gpu_report.py`.')
        for name in SLICES:
            mine = [r for (where, _), r in rows.items() if where == name]
            if mine:
                parts += [f'## {name}', *_table(mine)]
        return '\n\n'.join(parts) + '\n'


def _table(rows: list[dict]) -> list[str]:
    names = dict.fromkeys(k for row in rows for k in row)
    long = {k for row in rows for k, v in row.items() if '\n' in str(v)}
    names = [k for k in names if k not in ('slice', 'source', *long)]
    lines = [names, ['---'] * len(names)]
    lines += [[str(row.get(k, '')) for k in names] for row in rows]
    cells = ([c.replace('|', '\\|') for c in line] for line in lines)
    table = '\n'.join(f'| {" | ".join(line)} |' for line in cells)
    texts = [
        f'{row["key"]}:\n\n```text\n{row[k]}\n```'
        for row in rows
        for k in long
        if k in row
    ]
    return [table, *texts]


def run_slice(
    name: str,
    command: list[str],
    report: Report,
    limit: float,
    row_limit: float,
) -> None:
    """Measure a slice; hangs and crashes are recorded, and the rest runs.

    Args:
        name: Of the slice.
        command: The program; it skips rows that are in the results.
        report: Keeps the rows.
        limit: Seconds in all.
        row_limit: Seconds of a row, or until the first one begins.
    """
    started = time.monotonic()
    log = report.results.with_suffix(f'.{name}.log')
    measured = 0
    while True:
        program = Watched(command, log)
        outcome = program.run(
            started + limit, row_limit, lambda row: report.keep(name, row)
        )
        took = time.monotonic() - started
        measured += program.kept
        if outcome in ('done', 'out of time'):
            break
        if program.doing:
            report.keep(name, dict(key=program.doing, error=outcome))
        # A row that leaves the GPU unusable ends its program; others follow.
        if program.doing == STARTING or not (program.doing or program.kept):
            print(_end_of(log), flush=True)
            break
    print(f'{name}: {outcome}, {measured} rows, {took:.0f} s', flush=True)


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding='utf-8', errors='replace').splitlines()
    return '\n'.join(lines[-15:])


def probe(limit: float = 120) -> dict:
    """The card of this machine, from a separate process, which may hang."""
    try:
        done = subprocess.run(
            [sys.executable, '-c', CARD],
            capture_output=True,
            text=True,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        sys.exit(
            f'error: torch did not find out within {limit:.0f} s which GPU '
            'there is; see whether nvidia-smi answers'
        )
    if done.returncode:
        sys.exit(f'error: torch does not start:\n{done.stderr[-2000:]}')
    return json.loads(done.stdout.splitlines()[-1])


def command_of(name: str, args, results: Path) -> list[str]:
    """The program of a slice."""
    command = [sys.executable, str(HERE / SLICES[name]), name]
    command += ['--device', args.device, '--results', str(results)]
    command += ['--rows', args.rows]
    if args.quick:
        command.append('--quick')
    if name == 'train':
        command += ['--data-root', str(args.data_root)]
        command += ['--out', str(args.out / 'study')]
    return command


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a regular expression: {error}'
        ) from None
    return text


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'slices', nargs='+', choices=[*SLICES, 'all'], metavar='SLICE'
    )
    parser.add_argument(
        '--limit',
        nargs='+',
        default=[],
        metavar='SLICE=SECONDS',
        help=f'of a slice (default {LIMIT} s each)',
    )
    parser.add_argument(
        '--row-limit',
        type=float,
        default=90,
        metavar='SECONDS',
        help='of a row, after which it counts as hung (default 90)',
    )
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/gpu_report')
    )
    parser.add_argument(
        '--data-root', type=Path, help='has imagenette128/, for train'
    )
    parser.add_argument(
        '--rows',
        type=_regex,
        default='',
        metavar='REGEX',
        help='measure only rows whose name matches, as "tiny.*compiled"',
    )
    parser.add_argument('--device', default='cuda', help='cpu: a rehearsal')
    parser.add_argument(
        '--quick', action='store_true', help='small sizes, for a rehearsal'
    )
    args = parser.parse_args(argv)
    if 'all' in args.slices:
        args.slices = [s for s in SLICES if s != 'train' or args.data_root]
    if 'train' in args.slices and args.data_root is None:
        parser.error('train needs --data-root, a folder with imagenette128/')
    args.limits = dict.fromkeys(SLICES, LIMIT)
    for setting in args.limit:
        name, _, seconds = setting.partition('=')
        if name not in SLICES or not seconds.isdigit():
            parser.error(f'--limit takes SLICE=SECONDS, got {setting!r}')
        args.limits[name] = int(seconds)
    return args


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    args = parse_args(argv)
    # So that child processes are killed, too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, lambda *_: sys.exit('error: terminated'))
    os.chdir(ROOT)
    machine = probe()
    if args.device.startswith('cuda') and not machine['card']:
        sys.exit('error: torch finds no GPU here; --device cpu rehearses')
    report = Report(args.out, machine)
    for name in args.slices:
        command = command_of(name, args, report.results)
        limit = args.limits[name]
        # A study is one long row.
        row_limit = limit if name == 'train' else args.row_limit
        run_slice(name, command, report, limit, row_limit)
    print(f'written: {report.page}, {report.results}')


if __name__ == '__main__':
    main()
