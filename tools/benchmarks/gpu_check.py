"""Compare every backend with the definition in fp64, on this GPU.

A slice of ``gpu_report.py``: both operators, every type, odd shapes, outputs
and all gradients; how long a backend's proof takes; a mixer; then a step under
compute-sanitizer, where it is installed.
"""

import functools
import os
import shutil
import subprocess
import sys
import time
import traceback
from importlib import import_module
from types import SimpleNamespace

from gpu_rows import Row, measure_all, parser, short

if __name__ == '__main__':
    # Before the imports below, which take seconds.
    parser(__doc__).parse_args()

import torch
from bench_model import pretraining

from mmmap.engine.compilation import compile_parts
from mmmap.models.layers import BidirectionalMamba
from mmmap.ops import (
    causal_conv1d,
    selective_scan,
    selective_scan_bidirectional,
)
from mmmap.ops.backend import BACKENDS, ENVIRONMENT, PROOFS, Backend
from mmmap.ops.proof import fault

# (B, D, L, N, G)
SCANS = (
    (2, 33, 1, 16, 1),
    (3, 70, 98, 16, 1),
    (2, 40, 63, 8, 1),
    (2, 64, 65, 4, 2),
    (1, 96, 1000, 16, 1),
    (2, 48, 50, 32, 1),
    (2, 48, 50, 64, 1),
    (2, 24, 37, 3, 1),
)
# (B, D, L, W)
CONVS = ((2, 33, 1, 4), (3, 70, 98, 4), (2, 40, 63, 2), (1, 96, 1000, 3))
QUICK_SCANS, QUICK_CONVS = SCANS[1:2], CONVS[1:2]
DTYPES = dict(bf16=torch.bfloat16, fp32=torch.float32, fp16=torch.float16)
# Largest error, relative to the largest correct value.
TOLERANCES = {
    torch.float32: 2e-4,
    torch.bfloat16: 2e-2,
    torch.float16: 4e-3,
}
SEQUENCES = ('u', 'delta', 'B', 'C')


def normal(generator, *shape):
    """Numbers that every type represents exactly."""
    return torch.randn(shape, generator=generator).bfloat16().double()


def scan_problem(shape):
    """Pairs and gate in fp64 on the CPU, channels last."""
    batch, channels, length, state, groups = shape
    generator = torch.Generator().manual_seed(0)

    def side():
        def tokens(size):
            return normal(generator, batch, length, size).mT

        def grouped():
            x = normal(generator, batch, length, groups * state).mT
            return x.unflatten(1, (groups, state))

        rates = normal(generator, channels, state).exp().bfloat16().double()
        return dict(
            u=tokens(channels),
            delta=tokens(channels),
            A=-rates,
            B=grouped(),
            C=grouped(),
            D=normal(generator, channels),
            delta_bias=normal(generator, channels) - 1,
        )

    first, second = side(), side()
    tensors = {
        f'{k} {i}': x[k] for i, x in enumerate((first, second)) for k in x
    }
    return tensors | {'z': normal(generator, batch, length, channels).mT}


def run_scan(tensors, backend):
    """The output of both directions."""
    names = [name[:-2] for name in tensors if name.endswith(' 0')]
    pairs = {k: (tensors[f'{k} 0'], tensors[f'{k} 1']) for k in names}
    return selective_scan_bidirectional(
        **pairs, z=tensors['z'], delta_softplus=True, backend=backend
    )


def conv_problem(shape):
    """x, weights and biases in fp64 on the CPU, channels last."""
    batch, channels, length, width = shape
    generator = torch.Generator().manual_seed(0)
    tensors = dict(x=normal(generator, batch, length, channels).mT)
    for i in (0, 1):
        tensors[f'weight {i}'] = normal(generator, channels, width)
        tensors[f'bias {i}'] = normal(generator, channels)
    return tensors


def run_conv(tensors, backend):
    """The sum of both directions."""
    first, second = (
        causal_conv1d(
            tensors['x'],
            tensors[f'weight {i}'],
            tensors[f'bias {i}'],
            activation='silu',
            reverse=bool(i),
            backend=backend,
        )
        for i in (0, 1)
    )
    return first.double() + second.double()


def results(run, tensors, backend) -> dict:
    """Output and gradients by name."""
    leaves = {k: x.detach().requires_grad_() for k, x in tensors.items()}
    y = run(leaves, backend)
    weights = normal(torch.Generator().manual_seed(1), *y.shape)
    grads = torch.autograd.grad(
        (y.double() * weights.to(y.device)).sum(), leaves.values()
    )
    return dict(y=y.detach(), **dict(zip(leaves, grads)))


def cast(tensors, dtype, device):
    """Sequences in a type; parameters in fp32."""
    halves = (*SEQUENCES, 'x', 'z')
    return {
        k: x.to(device, dtype if k.split()[0] in halves else torch.float32)
        for k, x in tensors.items()
    }


@functools.cache
def truth_of(run, problem, shape, device) -> dict:
    """The correct results, in fp64."""
    here = {k: x.to(device) for k, x in problem(shape).items()}
    long = shape[2] > 300  # the definition is slow
    return results(run, here, 'torch' if long else 'reference')


def relative(value, truth):
    """The largest error over the largest right value, which may be zero."""
    scale = truth.abs().max()
    error = (value.double() - truth).abs().max()
    return (error / torch.where(scale > 0, scale, 1)).nan_to_num(9e9)


def compare(run, problem, shape, dtype, backend, device) -> dict:
    """The largest error against fp64, its place, and whether it repeats."""
    truth = truth_of(run, problem, shape, device)
    tensors = cast(problem(shape), dtype, device)
    ours = results(run, tensors, backend)
    errors = {k: relative(ours[k], x) for k, x in truth.items()}
    worst = max(errors, key=errors.get)
    again = results(run, tensors, backend)
    repeats = all(torch.equal(ours[k], again[k]) for k in ours)
    return dict(error=errors[worst].item(), where=worst, repeats=repeats)


def compared(op, backend, shapes, dtype, args) -> dict:
    """A row over all shapes, which names the worst one."""
    scans = op == 'selective_scan'
    run, problem = (
        (run_scan, scan_problem) if scans else (run_conv, conv_problem)
    )
    device_type = torch.device(args.device).type
    found, refused, raised, wrong = {}, [], [], []
    for shape in shapes:
        if backend.why_not(device_type, DTYPES[dtype], shape[3]):
            refused.append(shape)
            continue
        try:
            found[shape] = compare(
                run, problem, shape, DTYPES[dtype], backend.name, args.device
            )
        except Exception as error:  # whatever a kernel raises
            traceback.print_exc(file=sys.stderr)
            raised.append(f'{shape}: {short(error)}')
            continue
        if not found[shape]['error'] <= TOLERANCES[DTYPES[dtype]]:
            where = found[shape]['where']
            wrong.append(f'{shape} {where}: {found[shape]["error"]:.1e}')
    result = 'WRONG' if wrong else 'raised' if raised else 'ok'
    values = dict(result=result, compared=len(found))
    if found:
        shape = max(found, key=lambda s: found[s]['error'])
        values |= dict(
            worst=f'{found[shape]["error"]:.1e}',
            where=f'{found[shape]["where"]} of {shape}',
            repeats=all(x['repeats'] for x in found.values()),
        )
    values |= dict(refused=str(refused)) if refused else {}
    errors = '; '.join([*wrong, *raised])
    return values | (dict(error=errors) if errors else {})


def proof(op, backend: Backend, dtype, args) -> dict:
    """Seconds of a proof, the first one and the next."""
    right = next(b for b in BACKENDS[op] if b.name == 'torch').load()
    problem = import_module(PROOFS[op])
    device = torch.device(args.device)
    if device.type == 'cuda':
        device = torch.device('cuda', torch.cuda.current_device())
    size = 16 if op == 'selective_scan' else 4
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        wrong = fault(
            backend.load(), right, problem, device, (DTYPES[dtype], size)
        )
        seconds.append(round(time.perf_counter() - started, 3))
    values = dict(result='ok', first_s=seconds[0], second_s=seconds[1])
    return values | (dict(result='WRONG', error=wrong) if wrong else {})


def mixer(name: str, args) -> dict:
    """A mixer under autocast to bf16 against itself in fp32 with torch."""
    torch.manual_seed(0)
    layer = BidirectionalMamba(96).to(args.device)
    tokens = torch.randn(2, 98, 96, device=args.device)
    device = torch.device(args.device).type

    def run(scan, conv, autocast):
        os.environ[ENVIRONMENT['selective_scan']] = scan
        os.environ[ENVIRONMENT['causal_conv1d']] = conv
        with torch.autocast(device, torch.bfloat16, enabled=autocast):
            y = layer(tokens)
        grads = torch.autograd.grad(
            y.float().square().sum(), layer.parameters()
        )
        return [y.float(), *grads]

    try:
        known = [b.name for b in BACKENDS['causal_conv1d']]
        conv = name if name in known else 'torch'
        ours = run(name, conv, True)
        truth = run('torch', 'torch', False)
    finally:
        for variable in ENVIRONMENT.values():
            os.environ.pop(variable, None)
    parts = ['output', *dict(layer.named_parameters())]
    errors = {
        k: ((a - b).norm() / b.norm()).item()
        for k, a, b in zip(parts, ours, truth, strict=True)
    }
    worst = max(errors, key=errors.get)
    right = errors[worst] < 0.05
    values = dict(result='ok' if right else 'WRONG', worst=worst)
    values |= dict(difference=f'{errors[worst]:.1e}')
    return values if right else values | dict(error=f'{errors[worst]:.1e}')


def replayed(args) -> dict:
    """Three steps of MAP from CUDA graphs, and the same ones eager."""
    settings = SimpleNamespace(device=args.device, with_cp=False)
    images = torch.randn(8, 3, 224, 224, device=args.device)

    def losses(**options):
        torch.manual_seed(0)
        model = pretraining('tiny', 224, settings).to(args.device)
        if options:
            compile_parts(model, **options)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(3):
            loss = model.loss(images, [])['loss']
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()

    right = list(losses())
    ours = list(losses(mode='reduce-overhead'))
    error = max(abs(a / b - 1) for a, b in zip(ours, right))
    if not error < 1e-3:
        raise ValueError(f'losses {ours}, eager {right}')
    return dict(result='ok', worst=f'{error:.1e}')


ONE_STEP = """
import torch
from mmmap.models.layers import BidirectionalMamba
torch.manual_seed(0)
layer = BidirectionalMamba(72).cuda()
tokens = torch.randn(2, 37, 72, device='cuda')
with torch.autocast('cuda', torch.bfloat16):
    y = layer(tokens)
y.float().sum().backward()
torch.cuda.synchronize()
print('one step')
"""


def sanitized(tool: str, args) -> dict:
    """A step of a mixer under compute-sanitizer."""
    program = shutil.which('compute-sanitizer')
    if program is None:
        return dict(result='not installed')
    # cuda-bindings looks up functions that older drivers do not have.
    command = [program, '--tool', tool, '--report-api-errors', 'no']
    command += ['--target-processes', 'all', '--error-exitcode', '9']
    command += [sys.executable, '-c', ONE_STEP]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    text = done.stdout + done.stderr
    summary = [x for x in text.splitlines() if 'SUMMARY' in x]
    right = done.returncode == 0 and 'one step' in text
    values = dict(result='ok' if right else 'WRONG')
    values |= dict(summary=' '.join(summary)[:200])
    return values if right else values | dict(error=text[-1500:])


def beyond_32_bits(backend, args) -> dict:
    """The last image of a batch of over 2^31 elements, and of a small one.

    Both batches are large enough for the same division of the work: only then
    are they equal bit by bit. Source: state-spaces/mamba#1015 reports wrong
    numbers beyond that size.
    """
    batches, channels, length, state = (64, 720), 1536, 2000, 16
    generator = torch.Generator(args.device).manual_seed(0)

    def normal(*size, dtype=torch.bfloat16):
        return torch.randn(size, generator=generator, device=args.device).to(
            dtype
        )

    image = normal(1, length, channels)
    weights = normal(1, length, state)
    A = -normal(channels, state, dtype=torch.float32).exp()

    def run(batch):
        u = image.new_zeros(batch, length, channels)
        u[-1] = image[0]
        u = u.mT.requires_grad_()
        side = weights.expand(batch, -1, -1).contiguous().mT
        y = selective_scan(
            u, u, A, side, side, delta_softplus=True, backend=backend
        )
        (grad,) = torch.autograd.grad(y, u, torch.ones_like(y))
        return y[-1], grad[-1]

    small, large = map(run, batches)
    if not all(map(torch.equal, small, large)):
        raise ValueError(f'the last image differs in batches of {batches}')
    return dict(elements=f'{batches[-1] * length * channels:,}', equal=True)


def rows(args):
    """What is compared: quick backends first, those that compile last."""
    device = torch.device(args.device).type
    names = ['cuda', 'mamba_ssm', 'causal_conv1d', 'cpp', 'torch', 'triton']
    found = [
        (op, b)
        for name in names
        for op, backends in BACKENDS.items()
        for b in backends
        if b.name == name and not b.why_not(device)
    ]
    cases = dict(
        selective_scan=QUICK_SCANS if args.quick else SCANS,
        causal_conv1d=QUICK_CONVS if args.quick else CONVS,
    )
    fast = [(op, b) for op, b in found if b.name != 'triton']
    for group in (fast, [pair for pair in found if pair not in fast]):
        for op, backend in group:
            if backend.proves or args.quick:
                yield Row(
                    f'proof of {op} {backend.name} bf16',
                    lambda op=op, b=backend: proof(op, b, 'bf16', args),
                )
        for op, backend in group:
            if op == 'selective_scan':
                yield Row(
                    f'mixer {backend.name}',
                    lambda b=backend: mixer(b.name, args),
                )
        for dtype in DTYPES:
            for op, backend in group:
                yield Row(
                    f'{op} {backend.name} {dtype}',
                    lambda op=op, b=backend, t=dtype: compared(
                        op, b, cases[op], t, args
                    ),
                )
        if group is fast and device == 'cuda':
            yield Row(
                'selective_scan cuda beyond 2^31 elements',
                lambda: beyond_32_bits('cuda', args),
            )
            yield Row('memcheck', lambda: sanitized('memcheck', args))
            yield Row('MAP from CUDA graphs', lambda: replayed(args))


def main() -> None:
    """Run the command line."""
    args = parser(__doc__).parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    measure_all(rows(args), args)


if __name__ == '__main__':
    main()
