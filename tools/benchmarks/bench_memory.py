"""Measure peak memory: of the scan by length, and of HybridNet-T at 1024 px.

The textbook scan holds several tensors (B, D, L, N). The backends of mmmap
hold a few (B, D, L), buffers of one chunk and a state for each chunk. Both
directions are scanned.

    python tools/benchmarks/bench_memory.py --out work_dirs/bench/memory.csv
"""

import sys
from argparse import Namespace

from options import base_parser

from mmmap import cli
from mmmap.errors import UserError


def parse_args(argv=None) -> Namespace:
    """The command line."""
    return base_parser(__doc__).parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from common import peak_memory, print_row, start, write
from mmpretrain.registry import MODELS
from scans import available, both, make_inputs

MIB = 2**20
LIMIT = 4 * 2**30  # bytes, for 1024x1024 with checkpointing
CHANNELS = 384
LENGTHS, QUICK_LENGTHS = (1024, 4096, 16384), (64, 128)
STATES = (16, 64)
# For longer ones the textbook scan needs minutes and many GiB.
TEXTBOOK_LENGTHS = (64, 128, 1024)


def scan_memory(scan, shape: tuple[int, ...], args) -> int:
    """Growth in bytes from before the inputs to after the gradients."""

    def run(shape=shape):
        both(scan, *make_inputs(shape, args.seed, args.device))

    return peak_memory(run, lambda: run((1, 8, 4, 4)), args.device)


def backbone_memory(size: int, with_cp: bool, args) -> int:
    """Growth in bytes of building HybridNet-T, forward and backward."""

    def run(size=size):
        torch.manual_seed(args.seed)
        config = dict(
            type='HybridNet', arch='tiny', img_size=size, with_cp=with_cp
        )
        model = MODELS.build(config).to(args.device)
        images = torch.randn(1, 3, size, size, device=args.device)
        model(images)[-1].sum().backward()

    return peak_memory(run, lambda: run(32), args.device)


def measure_scans(args) -> list[dict]:
    """Rows of the scan at several L and N."""
    scans = available(torch.device(args.device).type)
    names = [n for n in scans if n not in ('mambapy', 'loop')]
    rows = []
    for length in QUICK_LENGTHS if args.quick else LENGTHS:
        for state in STATES:
            for name in names:
                if name == 'textbook' and length not in TEXTBOOK_LENGTHS:
                    continue
                shape = (1, CHANNELS, length, state)
                peak = scan_memory(scans[name], shape, args)
                row = dict(
                    what=f'{name} scan',
                    size=f'L {length} N {state}',
                    peak_mib=round(peak / MIB, 1),
                    dln_mib=round(4 * CHANNELS * length * state / MIB, 1),
                    dl_mib=round(4 * CHANNELS * length / MIB, 1),
                )
                rows.append(row)
                print_row(row)
    return rows


def measure_backbone(args) -> list[dict]:
    """Rows of the backbone with and without checkpointing."""
    size = 128 if args.quick else 1024
    rows = []
    for with_cp in (True, False):
        peak = backbone_memory(size, with_cp, args)
        row = dict(
            what='HybridNet-T',
            size=f'{size} px, with_cp={with_cp}',
            peak_mib=round(peak / MIB, 1),
        )
        rows.append(row)
        print_row(row)
        if with_cp and peak > LIMIT:
            raise UserError(
                f'{peak / MIB:,.0f} MiB, expected at most {LIMIT / MIB:,.0f}'
            )
    return rows


def measure_and_write(args: Namespace) -> None:
    """Measure, print and write."""
    start(
        args,
        'peak memory of forward + backward at batch 1, fp32, above what '
        'was there before;\ndln_mib is one tensor (D, L, N), dl_mib one '
        f'(D, L), D = {CHANNELS}',
    )
    empty = dict.fromkeys(('dln_mib', 'dl_mib'), '')
    rows = measure_scans(args)
    rows += [row | empty for row in measure_backbone(args)]
    write(rows, args.out, args.device)


main = cli.command(parse_args, measure_and_write)

if __name__ == '__main__':
    sys.exit(main())
