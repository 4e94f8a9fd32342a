r"""Measure memory and time against resolution, beside a ViT.

One image per step, without a head. Four backbones of one width and depth:

- ``HybridNet``: as published, with global attention;
- ``HybridNet, windows``: every other attention block attends within windows of
  14 x 14 tokens;
- ``ViT``: the same number of blocks, all attention (the pattern ``'T...'`` of
  our own class with pre-norm and MLP ratio 4, heads of 64 channels);
- ``ViT, windows``: four evenly spaced blocks have global attention, the others
  attend within windows, as in ViTDet.

    python tools/benchmarks/bench_resolution.py --threads 1 --rounds 1 \
        --sizes 224 384 512 768 1024 --out work_dirs/bench/resolution.csv \
        --plot work_dirs/bench/resolution.png
    python tools/benchmarks/bench_resolution.py --device cuda --arch base \
        --sizes 224 512 1024 1536 2048 --out work_dirs/bench/resolution.csv
"""

import sys
from argparse import Namespace
from pathlib import Path

from options import base_parser

from mmmap import cli


def parse_args(argv=None) -> Namespace:
    """The command line."""
    parser = base_parser(__doc__)
    parser.add_argument('--arch', default='tiny')
    parser.add_argument('--sizes', nargs='+', type=int, help='pixels')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument(
        '--inference', action='store_true', help='forward, without gradients'
    )
    parser.add_argument('--with-cp', action='store_true', help='checkpoint')
    parser.add_argument('--plot', type=Path, metavar='FILE.png')
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from common import (
    interleaved,
    median_and_spread,
    peak_memory,
    print_row,
    start,
    write,
)
from mmpretrain.registry import MODELS

from mmmap.models.backbones import HybridNet
from mmmap.models.backbones.hybrid_arch import arch_settings

SIZES, QUICK_SIZES = (224, 384, 512, 768, 1024), (32, 64)
WINDOW, QUICK_WINDOW = 14, 2


def backbones(arch: str, window: int) -> dict[str, dict]:
    """Configs by name, without the size of the images."""
    settings = arch_settings(arch, HybridNet.arch_zoo)
    width, pattern = settings['embed_dims'], settings['pattern']
    depth = len(pattern)
    attention = [i for i, kind in enumerate(pattern) if kind == 'T']
    hybrid = dict(type='HybridNet', arch=arch)
    vit = dict(
        type='HybridNet',
        arch=dict(
            embed_dims=width,
            pattern='T' * depth,
            num_heads=max(width // 64, 1),
            mlp_ratio=4.0,
        ),
        attention='residual',
    )
    quarters = [depth * part // 4 - 1 for part in (1, 2, 3, 4)]
    return {
        'HybridNet': hybrid,
        'HybridNet, windows': dict(
            hybrid, window_size=window, global_blocks=attention[1::2]
        ),
        'ViT': vit,
        'ViT, windows': dict(vit, window_size=window, global_blocks=quarters),
    }


def make_step(config: dict, size: int, args):
    """A function that runs one image forward, and backward in training."""
    torch.manual_seed(args.seed)
    model = MODELS.build(dict(config, img_size=size, with_cp=args.with_cp))
    model = model.to(args.device).train(not args.inference)
    images = torch.randn(1, 3, size, size, device=args.device)

    def step():
        if args.inference:
            with torch.no_grad():
                model(images)
            return
        model.zero_grad()
        model(images)[-1].sum().backward()

    return step


def memory_of(config: dict, size: int, args) -> float:
    """Growth of memory in MiB by building the model and one step."""

    def run(size=size):
        make_step(config, size, args)()

    peak = peak_memory(run, lambda: run(64), args.device)
    return round(peak / 2**20, 1)


def measure(args) -> list[dict]:
    """Rows of all backbones at all sizes."""
    window = QUICK_WINDOW if args.quick else WINDOW
    configs = backbones(args.arch, window)
    # First, because a process with threads cannot be forked safely.
    peaks = {
        (name, size): memory_of(config, size, args)
        for size in args.sizes
        for name, config in configs.items()
    }
    rows = []
    for size in args.sizes:
        steps = {
            name: make_step(config, size, args)
            for name, config in configs.items()
        }
        seconds = interleaved(steps, args.rounds, args.device)
        for name, times in seconds.items():
            median, spread = median_and_spread(times)
            rows.append(
                dict(
                    model=name,
                    arch=args.arch,
                    size=size,
                    tokens=(size // 16) ** 2,
                    peak_mib=peaks[name, size],
                    s_per_step=round(median, 4),
                    spread_s=round(spread, 4),
                )
            )
            print_row(rows[-1])
    return rows


def plot(rows: list[dict], path: Path, what: str) -> None:
    """Memory and time against the edge of the image, both logarithmic."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 4), layout='constrained')
    sizes = sorted({row['size'] for row in rows})
    panels = dict(peak_mib='peak memory, MiB', s_per_step='seconds a step')
    for axis, (key, label) in zip(axes, panels.items()):
        for index, name in enumerate(dict.fromkeys(r['model'] for r in rows)):
            own = [row for row in rows if row['model'] == name]
            axis.plot(
                [row['size'] for row in own],
                [row[key] for row in own],
                f'C{index // 2}{"--" if "windows" in name else "-"}o',
                label=name,
                markersize=4,
            )
        axis.set(xscale='log', yscale='log', title=label)
        axis.set_xlabel('edge of the image, pixels')
        axis.set_xticks(sizes, map(str, sizes))
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.suptitle(what, fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f'written: {path}')


def measure_and_write(args: Namespace) -> None:
    """Measure, print and write."""
    args.sizes = args.sizes or (QUICK_SIZES if args.quick else SIZES)
    if args.quick:
        args.rounds = 1
    what = (
        f'{args.arch}, fp32, '
        f'{"forward" if args.inference else "forward and backward"} '
        'of one image'
    )
    start(args, f'{what}: median of {args.rounds} rounds')
    rows = measure(args)
    write(rows, args.out, args.device)
    if args.plot:
        plot(rows, args.plot, what)


main = cli.command(parse_args, measure_and_write)

if __name__ == '__main__':
    sys.exit(main())
