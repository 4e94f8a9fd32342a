"""Pictures of the predictions of a test."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from mmengine.dist import utils
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS

from ...datasets.image_folders import IMAGE_SUFFIXES
from ...datasets.image_reader import ImageReader
from ...datasets.shown import as_picture
from ...visualization.palettes import complete_meta


@contextmanager
def _every_process() -> Iterator[None]:
    """Let a visualizer draw in this process; mmengine's draw in the first."""
    asked = utils.is_main_process
    utils.is_main_process = lambda group=None: True
    try:
        yield
    finally:
        utils.is_main_process = asked


@HOOKS.register_module()
class PredictionPictureHook(Hook):
    """Draw each tested image with its prediction into a folder.

    The libraries' hooks read images as 8-bit colour, or draw the model's
    input, whatever the config reads. Each process draws the images that it
    tests.

    Args:
        out_dir: Gets ``NAME.png`` of each image, or ``NAME.jpg.png``, in the
            folders that images have below the data_root, else in those of
            their whole path.
        min_score: Detections with a lower score are dropped.
    """

    def __init__(self, out_dir: str, min_score: float = 0.3) -> None:
        self.out_dir = Path(out_dir)
        self.min_score = min_score

    def before_test(self, runner) -> None:
        """Name and colour all classes."""
        self._reader = ImageReader(runner.cfg)
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        dataset = runner.test_dataloader.dataset
        self._meta = complete_meta(getattr(dataset, 'metainfo', {}), model)
        self._root = _root_of(dataset)

    def after_test_iter(
        self, runner, batch_idx, data_batch=None, outputs: Sequence = ()
    ) -> None:
        """Draw."""
        for sample in outputs:
            data = self._reader.read(sample.img_path)
            image = np.ascontiguousarray(as_picture(data['img'])[..., ::-1])
            with _every_process():
                self._draw(runner.visualizer, image, sample)

    def _draw(self, visualizer, image: np.ndarray, sample) -> None:
        visualizer.dataset_meta = self._meta
        file = self._file(Path(sample.img_path).absolute())
        if hasattr(visualizer, 'visualize_cls'):
            visualizer.visualize_cls(image, sample, out_file=str(file))
            return
        options = dict(out_file=str(file))
        if 'pred_instances' in sample:
            options['pred_score_thr'] = self.min_score
        visualizer.add_datasample(file.stem, image, sample, **options)

    def _file(self, image: Path) -> Path:
        below = image.is_relative_to(self._root)
        name = image.relative_to(self._root if below else image.anchor)
        # x.jpg becomes x.jpg.png, so an x.jpg.png needs another name.
        again = Path(name.stem).suffix.lower() in IMAGE_SUFFIXES
        if name.suffix != '.png' or again:
            name = name.with_name(f'{name.name}.png')
        return self.out_dir / name


def _root_of(dataset) -> Path:
    """The folder that has all images of a data set, or of several joined."""
    inner = getattr(dataset, 'dataset', None)
    if inner is not None:
        return _root_of(inner)
    parts = getattr(dataset, 'datasets', None)
    if parts:
        return Path(os.path.commonpath([_root_of(part) for part in parts]))
    return Path(getattr(dataset, 'data_root', None) or '.').absolute()
