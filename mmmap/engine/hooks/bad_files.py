"""Files that cannot be used end a run with their name, or are left out."""

from collections.abc import Collection, Iterator
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ...datasets.checked_pipeline import CheckedPipeline, SkippedFiles
from ...datasets.checks.class_maps import IGNORED, ignored_values

LIST = 'skipped_files.txt'


@HOOKS.register_module()
class BadFileHook(Hook):
    """Tell which file of the data cannot be used.

    It makes the pipelines of the runner's data sets checked ones, see
    ``CheckedPipeline``: an image that cannot be read, or that does not
    fit its annotation, is told by its name.

    Args:
        skip: Leave such images out of training, another takes the place of
            each, instead of ending the run. Their names and what was wrong
            are listed in ``skipped_files.txt`` of the work_dir, their number
            is logged. What is tested is never left out: a score on other
            images is another score.
        interval: Iterations between looks at the list.

    Raises:
        SampleError: In the loop, at a file that cannot be used.
    """

    def __init__(self, skip: bool = False, interval: int = 50) -> None:
        self.skip = skip
        self.interval = interval
        self._told = 0

    def before_train(self, runner) -> None:
        """Check what is trained on; workers are started after it."""
        self._list = SkippedFiles(Path(runner.work_dir, LIST))
        check(
            runner.train_dataloader.dataset,
            self._list if self.skip else None,
            ignored_values(runner.cfg),
        )

    def before_val(self, runner) -> None:
        """Check what is validated on."""
        ignored = ignored_values(runner.cfg, 'val')
        check(runner.val_dataloader.dataset, ignored=ignored)

    def before_test(self, runner) -> None:
        """Check what is tested on."""
        ignored = ignored_values(runner.cfg, 'test')
        check(runner.test_dataloader.dataset, ignored=ignored)

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Tell how many were left out, once there are more."""
        if self.skip and self.every_n_train_iters(runner, self.interval):
            self._tell(runner)

    def after_train(self, runner) -> None:
        """Tell how many were left out."""
        if self.skip:
            self._tell(runner)

    def _tell(self, runner) -> None:
        names = self._list.names()
        if len(names) > self._told and is_main_process():
            runner.logger.warning(
                f'left out, unusable: {len(names)} images, the last '
                f'{names[-1]}; all are listed in {self._list.path}'
            )
        self._told = len(names)


def check(
    dataset,
    skipped: SkippedFiles | None = None,
    ignored: Collection[int] = (IGNORED,),
) -> None:
    """Make the pipelines of a data set checked ones.

    Args:
        dataset: Of a loader, perhaps inside wrappers such as RepeatDataset.
        skipped: Notes what is left out, instead of an error.
        ignored: Values of class maps that are no class and may occur.
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
    """Classes of the class maps of a data set of mmseg's."""
    classes = dataset.metainfo.get('classes')
    maps = hasattr(dataset, 'reduce_zero_label')
    return len(classes) if maps and classes else None
