"""Time the selective scan: chunked torch, plain loop, textbook.

- chunked: ``backend='torch'``, what runs wherever no kernel serves;
- loop: one step after the other on contiguous slices of each step, its
  gradient by autograd;
- textbook: the same after laying out decays and inputs as (B, D, L, N); at
  the first shape only, for its backward takes very long.

The results, and all gradients, are compared before anything is timed.

    python tools/benchmarks/bench_scan.py --out work_dirs/bench/scan.csv
"""

from collections.abc import Callable

import torch
from common import (
    base_parser,
    interleaved,
    median_and_spread,
    print_row,
    start,
    write,
)
from torch import Tensor

from mmmap.ops import selective_scan

# (B, D, L, N); D is twice the embedding.
SHAPES = {
    'T, 224 px': (8, 384, 196, 16),
    'T, visible half': (16, 384, 98, 16),
    'S, 224 px': (4, 768, 196, 16),
    'B, 224 px': (2, 1536, 196, 16),
    'T, 512 px': (2, 384, 1024, 16),
}
QUICK = {'tiny': (2, 16, 20, 4)}
WITH_TEXTBOOK = {*QUICK, next(iter(SHAPES))}
PARTS = ('y', 'u', 'delta', 'A', 'B', 'C')
TOLERANCE = 1e-4  # of the largest value


def chunked(u, delta, A, B, C) -> Tensor:
    """mmmap's torch backend."""
    return selective_scan(u, delta, A, B, C, backend='torch')


def loop(u, delta, A, B, C) -> Tensor:
    """(B, D, L), a step at a time."""
    u, delta, B, C = (
        x.permute(2, 0, 1).contiguous() for x in (u, delta, B, C)
    )
    x = delta * u
    h = u.new_zeros(*u.shape[1:], A.shape[1])
    ys = []
    for t in range(len(u)):
        decay = torch.exp(delta[t, :, :, None] * A)
        h = decay * h + x[t, :, :, None] * B[t, :, None]
        ys.append((h * C[t, :, None]).sum(-1))
    return torch.stack(ys, dim=-1)


def textbook(u, delta, A, B, C) -> Tensor:
    """(B, D, L), with everything laid out for all steps at first."""
    decay = torch.exp(torch.einsum('bdl,dn->bdln', delta, A))
    inputs = torch.einsum('bdl,bnl,bdl->bdln', delta, B, u)
    h = torch.zeros_like(inputs[:, :, 0])
    ys = []
    for t in range(u.shape[2]):
        h = decay[:, :, t] * h + inputs[:, :, t]
        ys.append(torch.einsum('bdn,bn->bd', h, C[:, :, t]))
    return torch.stack(ys, dim=2)


CANDIDATES = {'chunked': chunked, 'loop': loop, 'textbook': textbook}


def make_inputs(shape: tuple[int, ...], seed: int, device: str):
    """u, delta, A, B, C as a model has them, and a gradient of y."""
    batch, channels, length, state = shape
    generator = torch.Generator().manual_seed(seed)

    def normal(*size):
        return torch.randn(size, generator=generator)

    inputs = [
        normal(batch, channels, length),
        torch.nn.functional.softplus(normal(batch, channels, length) - 3),
        -torch.arange(1.0, state + 1).repeat(channels, 1),
        normal(batch, state, length),
        normal(batch, state, length),
    ]
    inputs = [x.to(device).requires_grad_() for x in inputs]
    return inputs, normal(batch, channels, length).to(device)


def forward(scan: Callable, inputs: list[Tensor]) -> Tensor:
    """The scan without a graph."""
    with torch.no_grad():
        return scan(*inputs)


def both(scan: Callable, inputs: list[Tensor], grad: Tensor) -> list[Tensor]:
    """Output and gradients."""
    y = scan(*inputs)
    return [y, *torch.autograd.grad(y, inputs, grad)]


def largest_error(scans: dict, inputs: list[Tensor], grad: Tensor) -> float:
    """Largest difference from the last scan, relative to the largest value.

    Raises:
        SystemExit: A scan computes something else.
    """
    truths = both(list(scans.values())[-1], inputs, grad)
    worst = 0.0
    for name, scan in list(scans.items())[:-1]:
        parts = zip(PARTS, both(scan, inputs, grad), truths)
        for part, ours, truth in parts:
            error = ((ours - truth).abs().max() / truth.abs().max()).item()
            if not error <= TOLERANCE:
                raise SystemExit(f'error: {name} differs in {part}: {error}')
            worst = max(worst, error)
    return worst


def measure(title: str, shape: tuple[int, ...], args) -> list[dict]:
    """Rows of all candidates at one shape."""
    inputs, grad = make_inputs(shape, args.seed, args.device)
    scans = dict(CANDIDATES)
    if title not in WITH_TEXTBOOK:
        del scans['textbook']
    error = largest_error(scans, inputs, grad)
    print(f'  outputs and gradients equal to {error:.0e}', flush=True)
    runs = {
        'forward': lambda scan: lambda: forward(scan, inputs),
        'forward + backward': lambda scan: lambda: both(scan, inputs, grad),
    }
    rows = []
    for what, run in runs.items():
        calls = {name: run(scan) for name, scan in scans.items()}
        seconds = interleaved(calls, args.rounds, args.device)
        base = median_and_spread(seconds['chunked'])[0]
        for name, times in seconds.items():
            rows.append(dict(zip('BDLN', shape), what=what, scan=name))
            rows[-1].update(timing(times, base))
            print_row(rows[-1])
    return rows


def timing(times: list[float], base: float) -> dict:
    """Cells of a row: milliseconds, and the ratio to the chunked scan."""
    median, spread = median_and_spread(times)
    return dict(
        ms=round(1e3 * median, 2),
        spread_ms=round(1e3 * spread, 2),
        times_chunked=round(median / base, 2),
    )


def main() -> None:
    """Run the command line."""
    parser = base_parser(__doc__)
    parser.add_argument(
        '--rounds', type=int, help='timed calls of each (default 7)'
    )
    args = parser.parse_args()
    args.rounds = args.rounds or (2 if args.quick else 7)
    start(
        args,
        'selective scan, fp32: median of '
        f'{args.rounds} rounds +- half the quartile distance, and the '
        'ratio to chunked',
    )
    rows = []
    for title, shape in (QUICK if args.quick else SHAPES).items():
        print(f'{title}: (B, D, L, N) = {shape}', flush=True)
        rows += measure(title, shape, args)
    write(rows, args.out, args.device)


if __name__ == '__main__':
    main()
