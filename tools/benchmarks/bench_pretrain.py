"""Measure MAP pretraining in images/s: forward, backward, AdamW step.

Images are made up and on the device already, so that neither reading nor
augmentation is in the numbers.

    python tools/benchmarks/bench_pretrain.py
    python tools/benchmarks/bench_pretrain.py --device cuda --bf16 --batch 256
"""

from pathlib import Path

import torch
from common import (
    base_parser,
    interleaved,
    median_and_spread,
    print_row,
    start,
    write,
)
from mmengine.config import Config
from mmpretrain.registry import MODELS

import mmmap  # noqa: F401  registers the models

CONFIG = Path(__file__).parents[2] / 'configs/_base_/models/map.py'
WIDTHS = dict(tiny=192, small=384, base=768, large=1024, huge=1536)


def build(args) -> torch.nn.Module:
    """The MAP of the pretraining configs in the size asked for."""
    config = Config.fromfile(CONFIG).model
    config.backbone.update(
        arch=args.arch, img_size=args.size, with_cp=args.with_cp
    )
    config.decoder.update(in_channels=WIDTHS[args.arch], grid=args.size // 16)
    torch.manual_seed(args.seed)
    return MODELS.build(config).to(args.device).train()


def make_step(model: torch.nn.Module, args):
    """A function that makes one step of training."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    images = torch.randn(
        args.batch, 3, args.size, args.size, device=args.device
    )
    device = torch.device(args.device).type

    def step():
        with torch.autocast(device, torch.bfloat16, enabled=args.bf16):
            loss = model.loss(images, [])['loss']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def main() -> None:
    """Run the command line."""
    parser = base_parser(__doc__)
    parser.add_argument('--arch', choices=WIDTHS, default='tiny')
    parser.add_argument('--size', type=int, default=224, help='pixels')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--steps', type=int, default=5)
    parser.add_argument('--bf16', action='store_true', help='autocast')
    parser.add_argument('--with-cp', action='store_true', help='checkpoint')
    args = parser.parse_args()
    if args.quick:
        args.size, args.batch, args.steps = 64, 2, 2
    start(
        args,
        f'MAP pretraining of HybridNet {args.arch} at {args.size} px, batch '
        f'{args.batch}, {"bf16" if args.bf16 else "fp32"}: median of '
        f'{args.steps} steps',
    )
    model = build(args)
    calls = {'step': make_step(model, args)}
    seconds = interleaved(calls, args.steps, args.device)['step']
    median, spread = median_and_spread(seconds)
    row = dict(
        arch=args.arch,
        size=args.size,
        batch=args.batch,
        bf16=args.bf16,
        images_per_s=round(args.batch / median, 2),
        s_per_step=round(median, 3),
        spread_s=round(spread, 3),
    )
    print_row(row)
    write([row], args.out, args.device)


if __name__ == '__main__':
    main()
