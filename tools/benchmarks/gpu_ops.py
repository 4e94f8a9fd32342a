"""Time the operators on a GPU beside others' kernels and the hardware's limit.

A slice of ``gpu_report.py``. Both directions of a mixer, sequences in bf16:
``forward_ms`` without gradients, ``step_ms`` forward and backward, both of the
kernels alone; ``launched_ms`` is a step as Python launches it. Each scan gets
its preferred layout: ours channels last, mamba-ssm's channels first; the
latter is called twice, on flipped sequences.

``limit_ms`` is what a step takes at least: the bytes of inputs, outputs and
gradients at the speed of a large copy, or one exponential for each state and
direction in either pass at the speed of the unit, whichever is longer.
"""

import functools

from gpu_rows import (
    Row,
    device_ms,
    measure_all,
    median_ms,
    parser,
    peak_mib,
)

if __name__ == '__main__':
    # Before the imports below, which take seconds.
    parser(__doc__).parse_args()

import torch
from scans import make_inputs

import mmmap.ops
from mmmap.ops import causal_conv1d, selective_scan_bidirectional
from mmmap.ops.backend import BACKENDS

# (B, D, L, N); those of pretraining first.
SHAPES = (
    (128, 1536, 196, 16),
    (256, 768, 98, 16),
    (256, 384, 98, 16),
    (16, 768, 1024, 16),
    (4, 384, 4096, 16),
)
QUICK = ((2, 32, 20, 4),)
WIDTH = 4
LAST = ('cuda', 'triton', 'cpp')  # they prefer channels last
ORDER = ('cuda', 'mamba_ssm', 'causal_conv1d', 'cpp', 'triton', 'torch')


def timed(call, inputs: dict, grad: torch.Tensor, args) -> dict:
    """Milliseconds and memory of a call on inputs by name."""
    leaves = [x for pair in inputs.values() for x in pair]

    def step():
        return torch.autograd.grad(call(), leaves, grad)

    return times_of(call, step, args)


def times_of(call, step, args) -> dict:
    """Times of a row; ``launched_ms`` is the step's with its Python."""
    with torch.no_grad():
        forward = device_ms(call, args.device)
    return dict(
        forward_ms=round(forward, 3),
        step_ms=round(device_ms(step, args.device), 3),
        launched_ms=round(median_ms(step, args.device), 3),
        peak_mib=peak_mib(step, args.device),
    )


def scan(backend: str, shape: tuple, args) -> dict:
    """A row of the scan."""
    pairs, z, grad = make_inputs(shape, 0, args.device, torch.bfloat16)

    def laid(x):
        if x.dim() != 3 or x.shape[-1] != shape[2]:
            return x
        x = x.detach()
        x = x.mT.contiguous().mT if backend in LAST else x.contiguous()
        return x.requires_grad_()

    pairs = {k: tuple(map(laid, pair)) for k, pair in pairs.items()}
    z, grad = laid(z), laid(grad).detach()

    def call():
        return selective_scan_bidirectional(
            **pairs, z=z, delta_softplus=True, backend=backend
        )

    values = timed(call, pairs | {'z': (z,)}, grad, args)
    elements = shape[0] * shape[1] * shape[2]
    # Forward u, delta of both, z, y; backward these, dy, and gradients.
    limit = slowest(6 * elements, 2 * elements * shape[3], args)
    limit += slowest(12 * elements, 2 * elements * shape[3], args)
    return values | against(limit, values)


def conv(backend: str, shape: tuple, args) -> dict:
    """A row of the convolution with SiLU."""
    batch, channels, length, _ = shape
    generator = torch.Generator(args.device).manual_seed(0)

    def normal(*size, dtype=torch.float32):
        x = torch.randn(size, generator=generator, device=args.device)
        return x.to(dtype).requires_grad_()

    def laid(x):
        x = x.detach().mT
        return x if backend in LAST else x.contiguous()

    size = batch, length, channels
    x = laid(normal(*size, dtype=torch.bfloat16)).requires_grad_()
    grad = laid(normal(*size, dtype=torch.bfloat16))
    weights = [normal(channels, WIDTH) for _ in range(2)]
    biases = [normal(channels) for _ in range(2)]
    both = getattr(mmmap.ops, 'causal_conv1d_bidirectional', None)

    def call():
        options = dict(activation='silu', backend=backend)
        if both:
            ys = both(x, weights, biases, **options)
        else:
            ys = [
                causal_conv1d(x, w, b, **options, reverse=bool(i))
                for i, (w, b) in enumerate(zip(weights, biases))
            ]
        return ys[0], ys[1]

    leaves = [x, *weights, *biases]

    def step():
        return torch.autograd.grad(call(), leaves, (grad, grad))

    values = times_of(call, step, args)
    # Forward x and both y; backward both dy, x and dx.
    return values | against(slowest(7 * x.numel(), 0, args), values)


def slowest(elements: int, exponentials: int, args) -> float:
    """Milliseconds that elements of bf16 or exponentials take at least."""
    bandwidth, rate = hardware(args.device)
    return max(2 * elements / bandwidth, exponentials / rate)


def against(limit: float, values: dict) -> dict:
    """A limit, and the ratio of a step's time to it."""
    times = round(values['step_ms'] / limit, 2)
    return dict(limit_ms=round(limit, 3), times_limit=times)


@functools.cache
def hardware(device: str) -> tuple[float, float]:
    """Bytes copied (read and written) and exponentials, in a millisecond."""
    size = 2**29 if device.startswith('cuda') else 2**22
    source = torch.empty(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    bandwidth = 2 * size / median_ms(lambda: target.copy_(source), device)
    if device.startswith('cuda'):
        return bandwidth, _exponentials_of_gpu()
    x = torch.zeros(2**12)
    return bandwidth, len(x) / median_ms(lambda: torch.exp(x), device)


def _exponentials_of_gpu() -> float:
    from gpu_exponentials import count, launch

    return count() / median_ms(launch, 'cuda')


def ceilings(args) -> dict:
    """A row of the two speeds that limits are computed from."""
    bandwidth, rate = hardware(args.device)
    return dict(
        copy_gb_per_s=round(bandwidth / 1e6),
        exponentials_per_ns=round(rate / 1e6, 1),
    )


def rows(args):
    """The scan and the convolution at each shape; Triton compiles, so last."""
    yield Row('hardware', lambda: ceilings(args))
    device = torch.device(args.device).type
    shapes = QUICK if args.quick else SHAPES
    kinds = dict(selective_scan=scan, causal_conv1d=conv)
    for late in (False, True):
        for shape in shapes:
            for op, measure in kinds.items():
                known = {b.name: b for b in BACKENDS[op]}
                for name in ORDER:
                    # The chunked torch scan cannot compete on a GPU.
                    slow = op == 'selective_scan' and name == 'torch'
                    if (
                        name not in known
                        or known[name].why_not(device)
                        or (slow and device == 'cuda')
                        or (name == 'triton') != late
                    ):
                        continue
                    yield Row(
                        f'{op} {shape} {name}',
                        lambda m=measure, n=name, s=shape: m(n, s, args),
                    )


def main() -> None:
    """Run the command line."""
    args = parser(__doc__).parse_args()
    measure_all(rows(args), args)


if __name__ == '__main__':
    main()
