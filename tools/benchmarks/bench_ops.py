"""Time the selective scan against others, and against the hardware's limit.

Both directions with softplus, skip and gate, as a mixer calls them, forward
and with backward. The outputs and all gradients are compared before anything
is timed. Rows:

- ``cpp``, ``triton``, ``mamba_ssm``, ``torch``: the backends of mmmap that run
  on the device without being named;
- ``mambapy``: the parallel scan of that package, if it is installed;
- ``textbook``: everything laid out as (B, D, L, N), then step by step, as the
  slow path of Hugging Face's Mamba; at small shapes only;
- ``loop``: step by step on contiguous slices of each step;
- ``limit``: on a CPU the exponentials alone (one for each of B*D*L*N and
  direction, two with backward) by ``torch.exp`` in the cache; on a GPU a copy
  of as many bytes as must move.

    python tools/benchmarks/bench_ops.py --out work_dirs/bench/ops.csv \
        --plot work_dirs/bench/ops.png
"""

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from options import DTYPES, base_parser

from mmmap import cli
from mmmap.errors import UserError


def parse_args(argv=None) -> Namespace:
    """The command line."""
    parser = base_parser(__doc__)
    parser.add_argument(
        '--rounds', type=int, help='timed calls of each (default 7)'
    )
    parser.add_argument('--dtype', choices=DTYPES, default='fp32')
    parser.add_argument('--plot', type=Path, metavar='FILE.png')
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from common import (
    dtype_of,
    interleaved,
    median_and_spread,
    print_row,
    start,
    write,
)
from scans import Scan, available, both, forward, make_inputs

# (B, D, L, N); D is twice the embedding. About as many tokens in each.
SHAPES = {
    'T, 224 px, half visible': (16, 384, 98, 16),
    'T, 224 px': (8, 384, 196, 16),
    'T, 512 px': (2, 384, 1024, 16),
    'T, 1024 px': (1, 384, 4096, 16),
    'B, 224 px, half visible': (8, 1536, 98, 16),
    'B, 224 px': (4, 1536, 196, 16),
    'B, 512 px': (1, 1536, 1024, 16),
    'B, 1024 px': (1, 1536, 4096, 16),
}
QUICK = {'tiny': (2, 16, 20, 4)}
# Of the largest value; bf16 has 8 bits.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}


def largest_error(scans: dict[str, Scan], inputs, tolerance: float) -> float:
    """Largest difference from the last scan, relative to the largest value.

    Raises:
        SystemExit: A scan differs.
    """
    truths = both(list(scans.values())[-1], *inputs)
    worst = 0.0
    for name, scan in list(scans.items())[:-1]:
        for part, (ours, truth) in enumerate(zip(both(scan, *inputs), truths)):
            error = ((ours - truth).abs().max() / truth.abs().max()).item()
            if not error <= tolerance:
                raise UserError(f'{name} differs in part {part}: {error}')
            worst = max(worst, error)
    return worst


class Limit:
    """The least work of any scan on this machine, as a call to time.

    Args:
        shape: (B, D, L, N).
        dtype: Type of what depends on the token.
        device: As torch names it.
    """

    def __init__(self, shape, dtype: torch.dtype, device: str) -> None:
        self.shape = shape
        self.element = torch.finfo(dtype).bits // 8
        self.on_gpu = device.startswith('cuda')
        size = 2**27 if self.on_gpu else 2**14
        rows = 1 if self.on_gpu else torch.get_num_threads()
        # On a CPU few enough to stay in the cache, on a GPU too many.
        self.x = torch.zeros(rows, size, device=device)
        self.out = torch.empty_like(self.x)

    def call(self, backward: bool) -> Callable[[], None]:
        """For the forward alone, or with backward."""
        batch, channels, length, state = self.shape
        if not self.on_gpu:
            exponentials = batch * channels * length * state
            return lambda: self._repeat(
                torch.exp, (2 + 2 * backward) * exponentials
            )
        # u and delta of two directions, z, y; B and C. Backward reads these
        # and the gradient of y again, and writes gradients of all but y.
        wide, narrow = batch * channels * length, batch * state * length
        moved = 6 * wide + 4 * narrow
        if backward:
            moved += 6 * wide + 4 * narrow + 5 * wide + 4 * narrow
        floats = moved * self.element // 4
        # A copy reads and writes.
        return lambda: self._repeat(lambda x, out: out.copy_(x), floats // 2)

    def _repeat(self, do: Callable, elements: int) -> None:
        x, out = self.x.view(-1), self.out.view(-1)
        while elements > 0:
            count = min(elements, len(x))
            do(x[:count], out=out[:count])
            elements -= count


def measure(title: str, shape, args) -> list[dict]:
    """Rows of all candidates at one shape."""
    dtype = dtype_of(args)
    inputs = make_inputs(shape, args.seed, args.device, dtype)
    size = shape[0] * shape[1] * shape[2] * shape[3]
    device = torch.device(args.device).type
    scans = {k: s for k, s in available(device).items() if size <= s.largest}
    error = largest_error(scans, inputs, TOLERANCE[dtype])
    print(f'  outputs and gradients equal to {error:.0e}', flush=True)
    limit = Limit(shape, dtype, args.device)
    runs = {
        'forward': lambda scan: lambda: forward(scan, *inputs[:2]),
        'forward + backward': lambda scan: lambda: both(scan, *inputs),
    }
    rows = []
    for what, run in runs.items():
        calls = {name: run(scan) for name, scan in scans.items()}
        calls['limit'] = limit.call(backward=what != 'forward')
        seconds = interleaved(calls, args.rounds, args.device)
        best = median_and_spread(next(iter(seconds.values())))[0]
        for name, times in seconds.items():
            rows.append(dict(shape=title, what=what, scan=name))
            rows[-1].update(timing(times, best))
            print_row(rows[-1])
    return rows


def timing(times: list[float], first: float) -> dict:
    """Cells of a row: milliseconds, and the ratio to the first scan."""
    median, spread = median_and_spread(times)
    return dict(
        ms=round(1e3 * median, 2),
        spread_ms=round(1e3 * spread, 2),
        times_ours=round(median / first, 2),
    )


def plot(rows: list[dict], path: Path) -> None:
    """Milliseconds of all scans, a group of bars for each shape."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    kinds = list(dict.fromkeys(row['what'] for row in rows))
    names = list(dict.fromkeys(row['scan'] for row in rows))
    shapes = list(dict.fromkeys(row['shape'] for row in rows))
    figure, axes = pyplot.subplots(
        len(kinds), 1, figsize=(9, 3.5 * len(kinds)), layout='constrained'
    )
    for axis, what in zip(axes, kinds):
        for index, name in enumerate(names):
            ms = {
                row['shape']: row['ms']
                for row in rows
                if row['what'] == what and row['scan'] == name
            }
            places = [
                shapes.index(shape) + 0.8 * (index / len(names) - 0.5)
                for shape in ms
            ]
            axis.bar(places, ms.values(), 0.8 / len(names), label=name)
        axis.set(title=what, yscale='log', ylabel='ms')
        axis.set_xticks(range(len(shapes)), shapes, rotation=20, fontsize=8)
    axes[0].legend(ncols=len(names), fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f'written: {path}')


def measure_and_write(args: Namespace) -> None:
    """Measure, print and write."""
    args.rounds = args.rounds or (2 if args.quick else 7)
    start(
        args,
        f'selective scan, two directions, {args.dtype}: median of '
        f'{args.rounds} rounds +- half the quartile distance, and the '
        'ratio to the first',
    )
    rows = []
    for title, shape in (QUICK if args.quick else SHAPES).items():
        print(f'{title}: (B, D, L, N) = {shape}', flush=True)
        rows += measure(title, shape, args)
    write(rows, args.out, args.device)
    if args.plot:
        plot(rows, args.plot)


main = cli.command(parse_args, measure_and_write)

if __name__ == '__main__':
    sys.exit(main())
