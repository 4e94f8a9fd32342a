"""Train and evaluate all folds of a few-shot config; mean and deviation.

python tools/point_few_shot.py \
    configs/points/hybridnet-small_1xb32-150e_modelnet40-5way-20shot.py

Takes the options of tools/train.py. Each fold has its own folder in the
work_dir; its result is the accuracy after the last epoch.
"""

import statistics
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: Sequence[str] | None = None) -> Namespace:
    """The command line."""
    parser = cli.runner_parser(
        'Train and evaluate all folds of a few-shot config'
    )
    parser.add_argument(
        '--folds', type=int, default=10, help='how many folds (10)'
    )
    args = parser.parse_args(argv)
    if args.folds < 1:
        parser.error(f'--folds must be at least 1, got {args.folds}')
    return args


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmmap.datasets.checks import check_data
from mmmap.engine.launch import (
    build_runner,
    read_config,
    training,
)

METRIC = 'accuracy/top1'


def accuracy_of(args: Namespace, fold: int) -> float:
    """Train on a fold; the accuracy on its queries, in percent.

    Raises:
        InputError: The config is not a few-shot one.
    """
    config = read_config(args)
    for split in ('train', 'val', 'test'):
        dataset = config[f'{split}_dataloader'].dataset
        if dataset.type != 'FewShot':
            raise InputError(
                f'the {split} set of {args.config} is {dataset.type}, not '
                'FewShot: use a few-shot config'
            )
        dataset.fold = fold
    folder = Path(config.work_dir, f'fold_{fold}')
    config.work_dir = str(folder)
    # mmengine would give short folds the same timestamp.
    config.experiment_name = '_'.join(folder.parts[-2:])
    if fold == 0 and not args.no_data_check:
        check_data(config, ('train', 'val'))
    # Only the validation at the end counts.
    config.train_cfg.val_interval = config.train_cfg.max_epochs
    runner = build_runner(config)
    with training(runner):
        runner.train()
    return float(runner.message_hub.get_scalar(f'val/{METRIC}').current())


def run(args: Namespace) -> None:
    """Run the folds and print their accuracies.

    Raises:
        UserError: A config, data or options that cannot be used.
    """
    found = [accuracy_of(args, fold) for fold in range(args.folds)]
    each = ' '.join(f'{value:.1f}' for value in found)
    spread = statistics.stdev(found) if len(found) > 1 else 0.0
    mean = statistics.mean(found)
    print(f'folds: {each}')
    print(f'top-1: {mean:.1f} +- {spread:.1f} over {len(found)} folds')


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
