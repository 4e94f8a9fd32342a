"""Train a model of mmpretrain, mmdet or mmseg from a config.

python tools/train.py configs/demo/map_digits.py
tools/dist_train.sh configs/mmseg/upernet_map_ade20k.py 8 --resume
"""

import sys
from argparse import Namespace

from mmengine.config import Config

from mmmap.datasets.of_config import DataError, check_data
from mmmap.engine.launch import (
    build_runner,
    common_parser,
    is_main_rank,
    read_config,
)
from mmmap.models.backbones.pretrained import CheckpointError


def parse_args() -> Namespace:
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
    return parser.parse_args()


def apply_options(config: Config, args: Namespace) -> None:
    """Put the options of training into the config.

    Raises:
        ValueError: The config has no base batch for ``--auto-scale-lr``.
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
    if args.resume:
        config.resume = True
        config.load_from = None if args.resume == 'auto' else args.resume


def main() -> None:
    """Train."""
    args = parse_args()
    config = read_config(args)
    apply_options(config, args)
    if is_main_rank() and not args.no_data_check:
        check_data(config, ('train', 'val'))
    build_runner(config).train()


if __name__ == '__main__':
    try:
        main()
    except (CheckpointError, DataError, FileNotFoundError) as error:
        sys.exit(f'error: {error}')
