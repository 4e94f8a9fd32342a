"""Unusable files end a run with an error that names them, or are skipped."""

from collections.abc import Collection, Iterator
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ...datasets.checked_pipeline import CheckedPipeline, SkippedFiles
from ...datasets.checks.class_maps import IGNORED, ignored_values
from ...wording import counted

LIST = 'skipped_files.txt'


@HOOKS.register_module()
class BadFileHook(Hook):
    """Report which file of the data is unusable.

    The pipelines of the runner's data sets become ``CheckedPipeline``s, whose
    errors name the image that cannot be read or does not fit its annotation.

    Args:
        skip: Replace unusable images by others during training instead of
            ending the run. ``skipped_files.txt`` in the work_dir lists their
            names and the reasons; the log has their number. Validation and
            testing never skip, because scores on different images cannot be
            compared.
        interval: Iterations between reports.

    Raises:
        SampleError: In the loop, at an unusable file.
    """

    def __init__(self, skip: bool = False, interval: int = 50) -> None:
        self.skip = skip
        self.interval = interval
        self._reported = 0

    def before_train(self, runner) -> None:
        """Check training data; workers start after this."""
        self._list = SkippedFiles(Path(runner.work_dir, LIST))
        check(
            runner.train_dataloader.dataset,
            self._list if self.skip else None,
            ignored_values(runner.cfg),
        )

    def before_val(self, runner) -> None:
        """Check validation data."""
        ignored = ignored_values(runner.cfg, 'val')
        check(runner.val_dataloader.dataset, ignored=ignored)

    def before_test(self, runner) -> None:
        """Check test data."""
        ignored = ignored_values(runner.cfg, 'test')
        check(runner.test_dataloader.dataset, ignored=ignored)

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Log the number of skipped images when it grows."""
        if self.skip and self.every_n_train_iters(runner, self.interval):
            self._log_skipped(runner)

    def after_train(self, runner) -> None:
        """Log the number of skipped images."""
        if self.skip:
            self._log_skipped(runner)

    def _log_skipped(self, runner) -> None:
        names = self._list.names()
        if len(names) > self._reported and is_main_process():
            runner.logger.warning(
                f'skipped {counted(len(names), "unusable image")}, the last '
                f'is {names[-1]}; {self._list.path} lists them with reasons'
            )
        self._reported = len(names)


def check(
    dataset,
    skipped: SkippedFiles | None = None,
    ignored: Collection[int] = (IGNORED,),
) -> None:
    """Replace the pipelines of a data set by checked ones.

    Args:
        dataset: A loader's data set, also inside wrappers such as
            RepeatDataset.
        skipped: Records skipped images; None raises an error instead.
        ignored: Values of class maps that are allowed but are not classes.
    """
    for plain in _plain(dataset):
        plain.pipeline = CheckedPipeline(
            plain.pipeline.transforms, _num_classes(plain), skipped, ignored
        )


def _plain(dataset) -> Iterator[BaseDataset]:
    if hasattr(dataset, 'datasets'):
        for part in dataset.datasets:
            yield from _plain(part)
    elif hasattr(dataset, 'dataset'):
        yield from _plain(dataset.dataset)
    elif hasattr(getattr(dataset, 'pipeline', None), 'transforms'):
        yield dataset


def _num_classes(dataset: BaseDataset) -> int | None:
    """The classes in the class maps of an mmseg data set."""
    classes = dataset.metainfo.get('classes')
    maps = hasattr(dataset, 'reduce_zero_label')
    return len(classes) if maps and classes else None
