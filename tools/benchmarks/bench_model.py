"""Measure whole models in images/s: forward, backward, AdamW step.

``pretrain`` is MAP, half of the tokens visible; ``finetune`` is classification
of all tokens; ``sweep`` is the latter at growing resolution, beside a ViT of
the same width and about as many parameters. Each runs with every backend of
the scan that supports the device, in turns. Images are random and already on
the device: the numbers include neither reading nor augmentation.

    python tools/benchmarks/bench_model.py pretrain --batch 8
    python tools/benchmarks/bench_model.py pretrain finetune sweep \
        --arch tiny small base --device cuda --bf16 --batch 128
"""

import os
import sys
from argparse import Namespace
from pathlib import Path

from options import base_parser

from mmmap import cli

WIDTHS = dict(tiny=192, small=384, base=768, large=1024, huge=1536)


def parse_args(argv=None) -> Namespace:
    """The command line."""
    parser = base_parser(__doc__)
    parser.add_argument(
        'what',
        nargs='*',
        default=['pretrain'],
        help='pretrain, finetune, sweep',
    )
    parser.add_argument('--arch', nargs='+', choices=WIDTHS, default=['tiny'])
    parser.add_argument('--size', type=int, default=224, help='pixels')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--steps', type=int, default=5)
    parser.add_argument('--bf16', action='store_true', help='autocast')
    parser.add_argument('--with-cp', action='store_true', help='checkpoint')
    args = parser.parse_args(argv)
    if unknown := set(args.what) - {'pretrain', 'finetune', 'sweep'}:
        parser.error(
            f'unknown {", ".join(unknown)}; choose pretrain, finetune, sweep'
        )
    return args


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from common import (
    interleaved,
    median_and_spread,
    print_row,
    start,
    write,
)
from mmengine.config import Config
from mmpretrain.registry import MODELS

from mmmap.ops.backend import BACKENDS, ENVIRONMENT

CONFIG = Path(__file__).parents[2] / 'configs/_base_/models/map.py'
RESOLUTIONS = (224, 384, 512, 768, 1024, 1536)
QUICK_RESOLUTIONS = (32, 64)
CLASSES = 10


def hybrid(arch: str, size: int, args) -> dict:
    """HybridNet for images of a size."""
    return dict(
        type='HybridNet',
        arch=arch,
        img_size=size,
        out_type='avg_featmap',
        with_cp=args.with_cp,
    )


def vit(arch: str, size: int, args) -> dict:
    """A ViT as wide as HybridNet, with about as many parameters."""
    width = WIDTHS[arch]
    model = MODELS.build(hybrid(arch, 224, args))
    parameters = sum(p.numel() for p in model.parameters())
    # 12 C^2 are the weights of a block.
    return dict(
        type='VisionTransformer',
        arch=dict(
            embed_dims=width,
            num_layers=round(parameters / (12 * width**2)),
            num_heads=width // 64,
            feedforward_channels=4 * width,
        ),
        img_size=size,
        out_type='avg_featmap',
        with_cls_token=False,
    )


def pretraining(arch: str, size: int, args) -> torch.nn.Module:
    """The MAP of the pretraining configs, in any size."""
    config = Config.fromfile(CONFIG).model
    config.backbone.update(arch=arch, img_size=size, with_cp=args.with_cp)
    config.decoder.update(in_channels=WIDTHS[arch], grid=size // 16)
    return MODELS.build(config)


def classifying(backbone: dict, arch: str) -> torch.nn.Module:
    """A linear layer on a backbone."""
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=backbone,
            head=dict(
                type='LinearClsHead',
                num_classes=CLASSES,
                in_channels=WIDTHS[arch],
            ),
        )
    )


def make_step(model: torch.nn.Module, size: int, batch: int, args):
    """A function that makes one step of training."""
    model = model.to(args.device).train()
    cuda = args.device.startswith('cuda')
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, fused=cuda, capturable=cuda
    )
    images = torch.randn(batch, 3, size, size, device=args.device)
    labels = torch.zeros(batch, dtype=torch.long, device=args.device)
    device = torch.device(args.device).type

    def loss():
        if hasattr(model, 'masking'):
            return model.loss(images, [])['loss']
        scores = model(images)
        return torch.nn.functional.cross_entropy(scores.float(), labels)

    def step():
        with torch.autocast(device, torch.bfloat16, enabled=args.bf16):
            value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    return step


def with_backend(name: str, step):
    """The step with a backend of the scan."""

    def run():
        os.environ[ENVIRONMENT['selective_scan']] = name
        step()

    return run


def peak_mib(step, device: str) -> float | str:
    """The most that torch allocates; unknown on a CPU."""
    if not device.startswith('cuda'):
        return ''
    torch.cuda.reset_peak_memory_stats(device)
    step()
    return round(torch.cuda.max_memory_allocated(device) / 2**20)


def measure(what, arch, size, batch, models: dict, args) -> list[dict]:
    """Rows of some models, HybridNet with each backend."""
    torch.manual_seed(args.seed)
    device = torch.device(args.device).type
    steps = {}
    for name, model in models.items():
        step = make_step(model, size, batch, args)
        if name == 'ViT':
            steps[name] = step
            continue
        for backend in BACKENDS['selective_scan']:
            if backend.unasked(device):
                steps[f'{name} {backend.name}'] = with_backend(
                    backend.name, step
                )
    seconds = interleaved(steps, args.steps, args.device)
    first = median_and_spread(next(iter(seconds.values())))[0]
    rows = []
    for name, times in seconds.items():
        median, spread = median_and_spread(times)
        row = dict(
            what=what,
            arch=arch,
            size=size,
            batch=batch,
            model=name,
            images_per_s=round(batch / median, 2),
            s_per_step=round(median, 4),
            spread_s=round(spread, 4),
            times_first=round(median / first, 2),
            peak_mib=peak_mib(steps[name], args.device),
        )
        rows.append(row)
        print_row(row)
    return rows


def measure_all(args) -> list[dict]:
    """Rows of everything asked for."""
    rows = []
    for arch in args.arch:
        for what in args.what:
            sizes = [args.size]
            if what == 'sweep':
                sizes = QUICK_RESOLUTIONS if args.quick else RESOLUTIONS
            for size in sizes:
                # As many pixels in each batch.
                batch = max(args.batch * args.size**2 // size**2, 1)
                backbone = hybrid(arch, size, args)
                models = {
                    'HybridNet': pretraining(arch, size, args)
                    if what == 'pretrain'
                    else classifying(backbone, arch)
                }
                if what == 'sweep':
                    models['ViT'] = classifying(vit(arch, size, args), arch)
                rows += measure(what, arch, size, batch, models, args)
    return rows


def measure_and_write(args: Namespace) -> None:
    """Measure, print and write."""
    if args.quick:
        args.size, args.batch, args.steps = 64, 2, 2
    start(
        args,
        f'training steps, {"bf16" if args.bf16 else "fp32"}: median of '
        f'{args.steps} steps, and the time as a multiple of the first',
    )
    write(measure_all(args), args.out, args.device)


main = cli.command(parse_args, measure_and_write)

if __name__ == '__main__':
    sys.exit(main())
