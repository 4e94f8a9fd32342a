"""Fit a linear SVM on the frozen features of a backbone on points.

python tools/point_svm.py CONFIG CHECKPOINT

CONFIG is the config of a classifier. The command uses its data sets, without
random augmentations, and its backbone, whose pooled tokens are the features.
CHECKPOINT comes from pretraining.
"""

import sys
from argparse import Namespace
from collections.abc import Sequence

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv: Sequence[str] | None = None) -> Namespace:
    """The command line."""
    parser = cli.runner_parser('Fit a linear SVM on frozen features')
    parser.add_argument('checkpoint', help='from pretraining')
    parser.add_argument(
        '--C', type=float, default=0.01, help='weight of errors (0.01)'
    )
    args = parser.parse_args(argv)
    if not args.C > 0:
        parser.error(f'--C must be positive, got {args.C}')
    return args


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpretrain.registry import MODELS

from mmmap.datasets.checks import check_data
from mmmap.engine.launch import read_config
from mmmap.engine.trained_models import best_device


def check_config(config: Config) -> None:
    """Check that a config has what is needed.

    Raises:
        InputError: It lacks validation data or a point backbone.
    """
    kind = (config.model.get('backbone') or {}).get('type', '')
    if 'val_dataloader' not in config or not kind.endswith('HybridNetPoints'):
        raise InputError(
            f'{config.filename} is not the config of a point classifier with '
            'a HybridNetPoints and a val_dataloader; use one such as '
            'configs/points/demo/classifier_shapes69.py, with a checkpoint '
            'from pretraining'
        )


def frozen_backbone(config: Config, checkpoint: str) -> torch.nn.Module:
    """The config's backbone with a checkpoint's weights, for evaluation.

    Raises:
        CheckpointError: The checkpoint is unreadable or does not fit.
    """
    settings = dict(
        config.model.backbone,
        with_cls_token=False,
        out_type='pooled',
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.'
        ),
    )
    backbone = MODELS.build(settings)
    backbone.init_weights()
    return backbone.eval().to(best_device())


@torch.no_grad()
def features_of(
    config: Config, split: str, backbone: torch.nn.Module
) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of a split, with the validation pipeline."""
    loader = dict(config.val_dataloader)
    dataset = dict(config[f'{split}_dataloader'].dataset)
    dataset['pipeline'] = config.val_dataloader.dataset.pipeline
    loader['dataset'] = dataset
    prepare = MODELS.build(config.model.data_preprocessor).to(best_device())
    features, labels = [], []
    for batch in Runner.build_dataloader(loader):
        data = prepare(batch)
        features.append(backbone(data['inputs'])[-1].cpu())
        labels += [int(s.gt_label) for s in data['data_samples']]
    return torch.cat(features).numpy(), np.array(labels)


def run(args: Namespace) -> None:
    """Fit and evaluate.

    Raises:
        UserError: A config, checkpoint or data that cannot be used.
    """
    from sklearn.svm import LinearSVC

    config = read_config(args)
    check_config(config)
    init_default_scope('mmpretrain')
    if not args.no_data_check:
        check_data(config, ('train', 'val'))
    backbone = frozen_backbone(config, args.checkpoint)
    sets = [features_of(config, split, backbone) for split in ('train', 'val')]
    svm = LinearSVC(C=args.C, random_state=0).fit(*sets[0])
    accuracy = [100 * svm.score(*one) for one in sets]
    print(f'train: {accuracy[0]:.1f}, val: {accuracy[1]:.1f} top-1')


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
