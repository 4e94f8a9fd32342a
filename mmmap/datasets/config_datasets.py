"""The data sets of a config."""

from collections.abc import Iterator, Mapping
from pathlib import Path


def set_data_root(config: Mapping, root: str) -> None:
    """Set the data folder of all data sets of a config.

    The annotation files of its metrics follow.
    """
    for split in ('train', 'val', 'test'):
        loader = config.get(f'{split}_dataloader') or {}
        metrics = metrics_of(config, split)
        for _, dataset in plain_datasets(loader.get('dataset')):
            old = str(dataset.get('data_root') or '').rstrip('/')
            dataset['data_root'] = root
            for metric in metrics:
                file = str(metric.get('ann_file') or '')
                if old and file.startswith(f'{old}/'):
                    metric['ann_file'] = str(Path(root, file[len(old) + 1 :]))


def metrics_of(config: Mapping, split: str) -> list[Mapping]:
    """The metrics of a split, one or many in the config."""
    metrics = config.get(f'{split}_evaluator') or ()
    if isinstance(metrics, Mapping):
        metrics = metrics.get('metrics') or [metrics]
    return [m for m in metrics if isinstance(m, Mapping)]


def plain_datasets(
    dataset, place: str = 'dataset'
) -> Iterator[tuple[str, Mapping]]:
    """The data sets inside wrappers such as RepeatDataset.

    Yields:
        Where each is in the config, from ``place`` on, and its settings.
    """
    if isinstance(dataset, list | tuple):
        for index, part in enumerate(dataset):
            yield from plain_datasets(part, f'{place}[{index}]')
    elif isinstance(dataset, Mapping):
        key = 'dataset' if 'dataset' in dataset else 'datasets'
        inner = dataset.get(key)
        if inner is None:
            yield place, dataset
        else:
            yield from plain_datasets(inner, f'{place}.{key}')
