r"""Images per second of a config's model, at several batch sizes.

Example::

    python tools/analysis_tools/throughput.py \
        configs/mmseg/upernet_map_ade20k.py --batch-sizes 1 4 16 --amp

Weights and images are random, on a GPU if there is one. For a classifier this
times the scores, for a segmentor the class maps, for a detector the outputs of
its heads before boxes are selected, for pretraining the loss, without loading
data. The time is the median of repeated runs, the spread half the distance
between their quartiles.
"""

import argparse
import sys

from random_input_options import random_input_parser

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = random_input_parser(__doc__)
    parser.add_argument(
        '--batch-sizes', type=int, nargs='+', default=[1, 8], metavar='N'
    )
    parser.add_argument('--amp', action='store_true', help='bf16')
    parser.add_argument(
        '--device', help='for example cuda:1; default: a GPU if there is one'
    )
    parser.add_argument(
        '--seconds',
        type=float,
        default=3.0,
        help='how long each batch size is repeated (default: 3)',
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from torch.utils.benchmark import Timer

from mmmap.engine.random_inputs import (
    default_shape,
    example_call,
    open_untrained,
)
from mmmap.engine.trained_models import best_device


def measure(call, device: torch.device, args: argparse.Namespace):
    """Times of a call, as torch's benchmark takes them."""

    def run() -> None:
        with (
            torch.no_grad(),
            torch.autocast(device.type, torch.bfloat16, enabled=args.amp),
        ):
            call()

    timer = Timer(
        'run()', globals=dict(run=run), num_threads=torch.get_num_threads()
    )
    return timer.blocked_autorange(min_run_time=args.seconds)


def run(args: argparse.Namespace) -> None:
    """Time and print a line for each batch size.

    Raises:
        FileNotFoundError: No such config.
        InputError: An invalid config, shape or batch size.
        RuntimeError: No such device.
    """
    if min(*args.batch_sizes, *(args.shape or [1])) < 1:
        raise InputError(
            '--batch-sizes and --shape must be positive, got '
            f'{args.batch_sizes} and {args.shape}'
        )
    device = torch.device(args.device or best_device())
    model, config = open_untrained(args.config)
    model = model.to(device)
    shape = tuple(args.shape or default_shape(model))
    threads = torch.get_num_threads()
    where = (
        torch.cuda.get_device_name(device)
        if device.type == 'cuda'
        else f'{device.type}, {threads} threads'
    )
    print(
        f'{args.config}, {" x ".join(map(str, shape))}, '
        f'{"bf16" if args.amp else "fp32"}, {where}'
    )
    for batch in args.batch_sizes:
        call = example_call(model, config.get('default_scope'), batch, shape)
        found = measure(call, device, args)
        print(
            f'batch {batch:>4}: {batch / found.median:10.2f} images/s, '
            f'{1e3 * found.median:.2f} +- {1e3 * found.iqr / 2:.2f} ms a '
            f'batch, {len(found.times)} runs',
            flush=True,
        )


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
