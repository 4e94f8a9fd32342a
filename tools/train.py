"""Train a model of mmpretrain, mmdet or mmseg from a config.

python tools/train.py configs/demo/map_mosaics.py
tools/dist_train.sh configs/mmseg/upernet_map_ade20k.py 8 --resume
"""

import sys
from argparse import Namespace
from collections.abc import Sequence

from mmmap import cli


def parse_args(argv: Sequence[str] | None = None) -> Namespace:
    """The command line."""
    parser = cli.runner_parser('Train a model from a config')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume from a checkpoint, by default the last of the work_dir',
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision, in bf16'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate to the batch, by the config's base",
    )
    parser.add_argument(
        '--sharded',
        action='store_true',
        help='spread weights and optimizer over the processes (FSDP)',
    )
    parser.add_argument(
        '--skip-bad',
        action='store_true',
        help='skip training images that cannot be used, and list them '
        'in skipped_files.txt of the work_dir',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        help="compile the backbone, and MAP's decoder, with torch.compile",
    )
    parser.add_argument(
        '--cuda-graphs',
        action='store_true',
        help='compile, and replay the kernels from CUDA graphs: for small '
        'nets and images of one size',
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from mmmap.checkpoints.recorded import check_resumed
from mmmap.datasets.checks import check_data
from mmmap.engine.batch_size import scale_learning_rate
from mmmap.engine.compilation import compile_parts
from mmmap.engine.hooks.batch_feed import check_feed
from mmmap.engine.launch import (
    build_runner,
    last_checkpoint,
    leave_group,
    nothing_left_behind,
    read_config,
    training,
)
from mmmap.errors import InputError


def apply_options(config: Config, args: Namespace) -> None:
    """Put the options of training into the config.

    Raises:
        InputError: The config has no base batch for ``--auto-scale-lr``,
            ``--sharded`` is asked of a single process, or ``--cuda-graphs``
            without a GPU.
        CheckpointError: The checkpoint to resume from is of another method.
    """
    if args.cuda_graphs and not torch.cuda.is_available():
        raise InputError('--cuda-graphs needs a GPU, and torch finds none')
    if args.amp:
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.dtype = 'bfloat16'
    if args.auto_scale_lr or (config.get('auto_scale_lr') or {}).get('enable'):
        scaled = scale_learning_rate(config)
        if cli.is_main_rank():
            print(scaled)
    if args.sharded:
        # Imported when asked for: it loads much of torch.
        from mmmap.engine.sharded import shard

        shard(config)
    if args.skip_bad:
        others = config.get('custom_hooks') or []
        others = [hook for hook in others if hook.type != 'BadFileHook']
        config.custom_hooks = [*others, dict(type='BadFileHook', skip=True)]
    if args.resume == 'auto':
        args.resume = last_checkpoint(config.work_dir)
        if args.resume is None and cli.is_main_rank():
            print(
                f'{config.work_dir} has no checkpoint: starting from the '
                'beginning'
            )
    if args.resume:
        check_resumed(config.model, args.resume)
        config.resume = True
        config.load_from = args.resume


def train(args: Namespace, hooks: Sequence[Hook] = ()) -> None:
    """Train.

    Args:
        args: The command line.
        hooks: Others than those of the config.

    Raises:
        UserError: A config, data or options that cannot be used.
    """
    config = read_config(args)
    with nothing_left_behind(config.work_dir) as runners:
        apply_options(config, args)
        if cli.is_main_rank() and not args.no_data_check:
            splits = ('train', 'val')
            for note in check_data(config, splits, args.skip_bad):
                print(f'note: {note}')
        runner = build_runner(config)
        runners.append(runner)
        for hook in hooks:
            runner.register_hook(hook)
        check_feed(runner)
        if args.cuda_graphs:
            compile_parts(runner.model, mode='reduce-overhead')
        elif args.compile:
            compile_parts(runner.model)
        with training(runner):
            runner.train()
    leave_group()


main = cli.command(parse_args, train)

if __name__ == '__main__':
    sys.exit(main())
