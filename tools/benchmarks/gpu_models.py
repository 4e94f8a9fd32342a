"""Time training steps of whole models on a GPU, by backend, compiled or not.

Two slices of ``gpu_report.py``, the most telling rows first. Autocast to bf16,
random images on the device, AdamW in the step:

- ``models``: MAP pretraining with half of the tokens visible and fine-tuning
  on all of them at 224 px, HybridNet-T to L, beside a ViT as wide with as many
  parameters (its attention is torch's, in its flash kernel);
- ``resolution``: fine-tuning at 224 to 2048 px, as many pixels in each batch.

A row names the backend of the scan; the convolution has the backend that goes
with it. ``graphed`` steps are replayed from a CUDA graph: a small net is bound
by what launches its kernels, and this shows the kernels. ``compiled`` steps
are those of ``tools/train.py --compile``. ``profile`` rows list the kernels
that take longest.
"""

import functools
import os
from types import SimpleNamespace

from gpu_rows import Row, graphed, measure_all, parser, peak_mib, step_ms

if __name__ == '__main__':
    # Before the imports below, which take seconds.
    parser(__doc__).parse_args()

import torch
from bench_model import classifying, hybrid, make_step, pretraining, vit

from mmmap.engine.compilation import compile_parts
from mmmap.ops.backend import BACKENDS, ENVIRONMENT

# The convolution that users of each scan have.
CONVS = dict(
    cuda='cuda',
    mamba_ssm='causal_conv1d',
    triton='triton',
    cpp='cpp',
    torch='torch',
)
SIZES = (512, 1024, 2048, 224, 384, 768, 1536)
QUICK_SIZES = (32, 64)
COMPILED = {
    'compiled': {},
    'compiled, CUDA graphs': dict(mode='reduce-overhead'),
}
BATCHES = dict(tiny=512, small=256, base=128, large=64)
PIXELS = 64 * 224**2  # of a batch of the sweep
STEPS = 10


@functools.cache
def has(op: str, name: str, device: str) -> bool:
    """Whether a backend runs on a type of device."""
    return any(b.name == name and not b.why_not(device) for b in BACKENDS[op])


def choose(scan: str, device: str) -> None:
    """Name the backends by their environment variables."""
    os.environ[ENVIRONMENT['selective_scan']] = scan
    conv = (
        CONVS[scan] if has('causal_conv1d', CONVS[scan], device) else 'torch'
    )
    os.environ[ENVIRONMENT['causal_conv1d']] = conv


def build(what: str, arch: str, size: int, settings):
    """A model."""
    if what == 'pretrain':
        return pretraining(arch, size, settings)
    backbone = (vit if what == 'vit' else hybrid)(arch, size, settings)
    return classifying(backbone, arch)


def prepared(what, arch, size, batch, scan, how, args):
    """A step of a model with a backend of the scan, and the model."""
    settings = SimpleNamespace(device=args.device, bf16=True, with_cp=False)
    if what != 'vit':
        choose(scan, torch.device(args.device).type)
    torch.manual_seed(0)
    model = build(what, arch, size, settings)
    if how in COMPILED:
        torch._dynamo.reset()
        compile_parts(model, **COMPILED[how])
    return make_step(model, size, batch, settings), model


def timed(what, arch, size, batch, scan, how, args) -> dict:
    """A row."""
    step, model = prepared(what, arch, size, batch, scan, how, args)
    if how == 'graphed':
        step = graphed(step)
    ms = step_ms(step, args.device, 2 if args.quick else STEPS)
    return dict(
        ms=round(ms, 2),
        images_per_s=round(1e3 * batch / ms, 1),
        peak_mib=peak_mib(step, args.device),
        parameters=f'{sum(p.numel() for p in model.parameters()) / 1e6:.1f} M',
    )


def profiled(what, arch, size, batch, scan, args) -> dict:
    """Where a step spends its time, by kernel (on a CPU by operator)."""
    from torch.profiler import ProfilerActivity, profile

    step, _ = prepared(what, arch, size, batch, scan, '', args)
    for _ in range(2):
        step()
    cuda = args.device.startswith('cuda')
    kind = torch.autograd.DeviceType.CUDA if cuda else None
    activities = [ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU]
    with profile(activities=activities) as trace:
        step()
        if cuda:
            torch.cuda.synchronize()
    events = trace.key_averages()
    if cuda:
        events = [e for e in events if e.device_type == kind]

    def ms(event):
        spent = (
            event.self_device_time_total if cuda else event.self_cpu_time_total
        )
        return spent / 1e3

    events = sorted(events, key=ms, reverse=True)
    lines = [
        f'{ms(e):8.2f} ms {e.count:5d} x {e.key[:90]}' for e in events[:22]
    ]
    return dict(
        ms=round(sum(map(ms, events)), 2),
        kernels=sum(e.count for e in events),
        longest='\n'.join(lines),
    )


class Rows:
    """Rows of a slice, each once, without those whose backend is missing.

    Args:
        args: The command line.
    """

    def __init__(self, args) -> None:
        self.args = args
        self.device = torch.device(args.device).type

    def row(self, what, arch, scan='', how='', size=224, batch=None):
        """A timed step."""
        if self.args.quick:
            arch, size, batch = 'tiny', min(size, 64), 2
        batch = batch or BATCHES[arch]
        if scan and not has('selective_scan', scan, self.device):
            return
        if how == 'graphed' and self.device != 'cuda':
            return  # without CUDA graphs, the same step again
        if how in COMPILED and self.args.quick:
            return  # compiling takes minutes
        key = f'{what} {arch} {size} px x {batch} {scan}'.strip()
        yield Row(
            f'{key} {how}'.strip(),
            lambda: timed(what, arch, size, batch, scan, how, self.args),
        )

    def profile(self, what, arch, scan):
        """A step's kernels."""
        if not has('selective_scan', scan, self.device):
            return
        size, batch = 224, BATCHES[arch]
        if self.args.quick:
            arch, size, batch = 'tiny', 64, 2
        yield Row(
            f'profile of {what} {arch} {size} px x {batch} {scan}',
            lambda: profiled(what, arch, size, batch, scan, self.args),
        )

    def models(self):
        """The slice ``models``."""
        ours = self.ours()
        for what in ('pretrain', 'finetune'):
            for scan in (ours, 'mamba_ssm'):
                for how in ('', 'graphed'):
                    yield from self.row(what, 'base', scan, how)
        yield from self.row('vit', 'base')
        yield from self.row('vit', 'base', how='graphed')
        yield from self.profile('pretrain', 'base', ours)
        for how in ('', 'graphed', *COMPILED):
            yield from self.row('pretrain', 'tiny', ours, how)
        yield from self.row('pretrain', 'tiny', 'mamba_ssm')
        yield from self.profile('pretrain', 'tiny', ours)
        yield from self.row('pretrain', 'base', ours, how='compiled')
        yield from self.row('pretrain', 'base', 'triton')
        for arch in ('tiny', 'small', 'large'):
            yield from self.row('finetune', arch, ours)
            yield from self.row('finetune', arch, 'mamba_ssm')
            yield from self.row('vit', arch)
        for arch in ('small', 'large'):
            yield from self.row('pretrain', arch, ours)
            yield from self.row('pretrain', arch, 'mamba_ssm')
        for how in COMPILED:
            yield from self.row('finetune', 'tiny', ours, how=how)
        yield from self.row('finetune', 'base', ours, how='compiled')
        yield from self.row('vit', 'base', how='compiled')
        yield from self.row('finetune', 'base', 'triton')

    def resolution(self):
        """The slice ``resolution``: HybridNet-T and -B, and their ViTs."""
        for arch, share in (('tiny', 1), ('base', 4)):
            for size in QUICK_SIZES if self.args.quick else SIZES:
                batch = max(PIXELS // share // size**2, 1)
                options = dict(size=size, batch=batch)
                for how in ('graphed', ''):
                    options |= dict(how=how)
                    yield from self.row(
                        'finetune', arch, self.ours(), **options
                    )
                    yield from self.row('vit', arch, **options)

    def ours(self) -> str:
        """The scan that is measured as ours."""
        names = ('cuda', 'triton', 'cpp', 'torch')
        return next(n for n in names if has('selective_scan', n, self.device))


def main() -> None:
    """Run the command line."""
    args = parser(__doc__).parse_args()
    measure_all(getattr(Rows(args), args.name)(), args)


if __name__ == '__main__':
    main()
