"""Train a model of mmpretrain, mmdet or mmseg from a config.

python tools/train.py configs/demo/map_digits.py
tools/dist_train.sh configs/mmseg/upernet_map_ade20k.py 8 --resume
"""

from argparse import Namespace
from collections.abc import Sequence

from mmengine.config import Config

from mmmap.datasets.of_config import check_data, reports_of
from mmmap.engine.compilation import compile_parts
from mmmap.engine.hooks.batch_feed import check_feed
from mmmap.engine.launch import (
    build_runner,
    clear_errors,
    common_parser,
    is_main_rank,
    last_checkpoint,
    leave_group,
    nothing_left_behind,
    read_config,
)
from mmmap.engine.recorded import check_resumed


def parse_args(argv: Sequence[str] | None = None) -> Namespace:
    """The command line."""
    parser = common_parser('Train a model from a config')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from a checkpoint, by default the last of the work_dir',
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
        help='leave out training images that cannot be used, and list them '
        'in skipped_files.txt of the work_dir',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        help="compile the backbone, and MAP's decoder, with torch.compile",
    )
    return parser.parse_args(argv)


def apply_options(config: Config, args: Namespace) -> None:
    """Put the options of training into the config.

    Raises:
        ValueError: The config has no base batch for ``--auto-scale-lr``, or
            ``--sharded`` is asked of a single process.
        CheckpointError: The one to go on from is of another method.
    """
    if args.amp:
        config.optim_wrapper.type = 'AmpOptimWrapper'
        config.optim_wrapper.dtype = 'bfloat16'
    if args.auto_scale_lr:
        if not config.get('auto_scale_lr', {}).get('base_batch_size'):
            raise ValueError(
                '--auto-scale-lr needs auto_scale_lr=dict(base_batch_size='
                '...) in the config: the batch its learning rate is meant for'
            )
        config.auto_scale_lr.enable = True
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
        if args.resume is None and is_main_rank():
            print(f'{config.work_dir} holds no checkpoint: starting anew')
    if args.resume:
        check_resumed(config.model, args.resume)
        config.resume = True
        config.load_from = args.resume


def warn_of_one_checkpoint(config: Config) -> None:
    """Tell that mmengine removes the only one before it writes the next."""
    hooks = config.get('default_hooks') or {}
    if (hooks.get('checkpoint') or {}).get('max_keep_ckpts') == 1:
        print(
            'note: with max_keep_ckpts=1 the last checkpoint is removed '
            'before the next is written, and a kill in between loses the '
            'run; keep 2'
        )


def look_at_data(config: Config, skip_bad: bool) -> None:
    """Refuse data that cannot be used; tell what is left out of it.

    Raises:
        DataError: Something is missing or wrong.
    """
    notes = check_data(config, ('val',) if skip_bad else ('train', 'val'))
    if skip_bad:
        for _, report in reports_of(config, ('train',)):
            notes += [*report.problems, *report.notes]
    for note in notes:
        print(f'note: {note}')


def main(argv: Sequence[str] | None = None) -> None:
    """Train."""
    args = parse_args(argv)
    with clear_errors(args.traceback):
        config = read_config(args)
        apply_options(config, args)
        if is_main_rank():
            warn_of_one_checkpoint(config)
            if not args.no_data_check:
                look_at_data(config, args.skip_bad)
        with nothing_left_behind(config.work_dir) as runners:
            runner = build_runner(config)
            runners.append(runner)
            check_feed(runner)
            if args.compile:
                compile_parts(runner.model)
            runner.train()
        leave_group()


if __name__ == '__main__':
    main()
