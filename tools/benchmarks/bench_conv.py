"""Time the causal convolution with SiLU: every backend that serves the device.

Both directions of a mixer, forward and with backward, on channels last as the
projection before leaves them. Outputs and gradients are compared before
anything is timed.

    python tools/benchmarks/bench_conv.py --out work_dirs/bench/conv.csv
"""

import sys
from argparse import Namespace

from options import DTYPES, base_parser

from mmmap import cli
from mmmap.errors import UserError


def parse_args(argv=None) -> Namespace:
    """The command line."""
    parser = base_parser(__doc__)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--dtype', choices=DTYPES, default='fp32')
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from bench_ops import QUICK, SHAPES, TOLERANCE, timing
from common import dtype_of, interleaved, print_row, start, write

from mmmap.ops import causal_conv1d
from mmmap.ops.backend import BACKENDS

WIDTH = 4


def make_inputs(shape, args):
    """x (B, D, L), and weight (D, W) and bias (D,) of two directions."""
    batch, channels, length, _ = shape
    generator = torch.Generator().manual_seed(args.seed)

    def normal(*size):
        x = torch.randn(size, generator=generator)
        return x.to(args.device, dtype_of(args)).requires_grad_()

    x = normal(batch, length, channels).detach().mT.requires_grad_()
    sides = [(normal(channels, WIDTH), normal(channels)) for _ in range(2)]
    return x, sides


def forward(backend: str, x, sides) -> torch.Tensor:
    """The sum of both directions."""
    first, second = (
        causal_conv1d(
            x, *side, activation='silu', reverse=reverse, backend=backend
        )
        for side, reverse in zip(sides, (False, True))
    )
    return first + second


def both(backend: str, x, sides) -> list[torch.Tensor]:
    """The output, and the gradients of its sum of squares."""
    y = forward(backend, x, sides)
    leaves = [x, *(tensor for side in sides for tensor in side)]
    return [y, *torch.autograd.grad(y.square().sum(), leaves)]


def check(names: list[str], x, sides, tolerance: float) -> None:
    """Stop if a backend differs from the reference."""
    truths = both('reference', x, sides)
    for name in names:
        for part, (ours, truth) in enumerate(
            zip(both(name, x, sides), truths)
        ):
            error = ((ours - truth).abs().max() / truth.abs().max()).item()
            if not error <= tolerance:
                raise UserError(f'{name} differs in part {part}: {error}')


def measure(title: str, shape, args) -> list[dict]:
    """Rows of all backends at one shape."""
    device = torch.device(args.device).type
    names = [
        b.name
        for b in BACKENDS['causal_conv1d']
        if b.name != 'reference' and not b.why_not(device)
    ]
    x, sides = make_inputs(shape, args)
    check(names, x, sides, TOLERANCE[dtype_of(args)])
    rows = []
    for what, run in (('forward', forward), ('forward + backward', both)):
        calls = {
            name: lambda name=name, run=run: run(name, x, sides)
            for name in names
        }
        seconds = interleaved(calls, args.rounds, args.device)
        first = sorted(seconds[names[0]])[len(seconds[names[0]]) // 2]
        for name, times in seconds.items():
            rows.append(dict(shape=title, what=what, backend=name))
            rows[-1].update(timing(times, first))
            print_row(rows[-1])
    return rows


def measure_and_write(args: Namespace) -> None:
    """Measure, print and write."""
    start(
        args,
        f'causal convolution of {WIDTH} taps with SiLU, two directions, '
        f'{args.dtype}: median of {args.rounds} rounds +- half the quartile '
        'distance, and the ratio to the first',
    )
    rows = []
    for title, shape in (QUICK if args.quick else SHAPES).items():
        rows += measure(title, shape, args)
    write(rows, args.out, args.device)


main = cli.command(parse_args, measure_and_write)

if __name__ == '__main__':
    sys.exit(main())
