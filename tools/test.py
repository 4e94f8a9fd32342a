"""Test a checkpoint of mmpretrain, mmdet or mmseg with its config's metrics.

python tools/test.py CONFIG CHECKPOINT
tools/dist_test.sh CONFIG CHECKPOINT 8
"""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: Sequence[str] | None = None) -> Namespace:
    """The command line."""
    parser = cli.runner_parser(
        'Test a checkpoint with the metrics of a config'
    )
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--show-dir', metavar='DIR', help='draw the predictions into a folder'
    )
    parser.add_argument(
        '--out', metavar='FILE.pkl', help='write the predictions to a file'
    )
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmengine.config import Config

from mmmap.datasets.checks import check_data
from mmmap.engine.launch import (
    build_runner,
    leave_group,
    read_config,
)

# The settings with which each library draws predictions into a folder.
VISUALIZATION = {
    'mmpretrain': lambda out: dict(
        type='VisualizationHook', enable=True, interval=1, out_dir=out
    ),
    'mmdet': lambda out: dict(
        type='DetVisualizationHook', draw=True, test_out_dir=out
    ),
    'mmseg': lambda out: dict(
        type='SegVisualizationHook', draw=True, interval=1
    ),
}


def apply_options(config: Config, args: Namespace) -> None:
    """Put the options of testing into the config.

    Raises:
        InputError: The config tests nothing, or ``--out`` is no .pkl.
    """
    if config.get('test_cfg') is None or not config.get('test_evaluator'):
        raise InputError(
            f'{args.config} has no test_dataloader (pretraining is tested by '
            'fine-tuning); for pictures use '
            'tools/analysis_tools/reconstruct.py'
        )
    config.load_from = args.checkpoint
    # The checkpoint brings the backbone's weights too.
    config.model.backbone.init_cfg = None
    if args.show_dir:
        folder = os.path.abspath(args.show_dir)
        hook = dict(type='PredictionPictureHook', out_dir=folder)
        config.custom_hooks = [*(config.get('custom_hooks') or []), hook]
    if args.out:
        if not args.out.endswith(('.pkl', '.pickle')):
            raise InputError(f'--out must end in .pkl, got {args.out}')
        dump = dict(type='DumpResults', out_file_path=args.out)
        evaluators = config.test_evaluator
        if not isinstance(evaluators, list | tuple):
            evaluators = [evaluators]
        config.test_evaluator = [*evaluators, dump]


def test(args: Namespace) -> None:
    """Test.

    Raises:
        UserError: A config, data or options that cannot be used.
    """
    config = read_config(args)
    apply_options(config, args)
    if cli.is_main_rank() and not args.no_data_check:
        check_data(config, ('test',))
    with cli.during(lambda: cli.Activity('testing')):
        build_runner(config).test()
    leave_group()


main = cli.command(parse_args, test)

if __name__ == '__main__':
    sys.exit(main())
