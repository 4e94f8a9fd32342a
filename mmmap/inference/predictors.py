"""One predictor for a config of any of the three libraries.

It wraps the library's own inferencer, loads images with the config's steps
instead, and refuses a checkpoint that lacks a weight of the model.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from mmdet.apis import DetInferencer
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, init_default_scope
from mmpretrain import ImageClassificationInferencer
from mmpretrain.models.heads import MultiLabelClsHead
from mmpretrain.visualization import UniversalVisualizer
from mmseg.apis import MMSegInferencer
from torch import nn

from ..checkpoints import read_checkpoint
from ..checkpoints.fit import OWN_CONFIG, WHOLE, compare, weights_of
from ..datasets.shown import as_picture
from ..visualization.palettes import complete_meta


class _OwnLoading:
    """Of an inferencer: without a pipeline, which the reader has."""

    def _init_pipeline(self, cfg) -> None:
        return None


class _Classification(_OwnLoading, ImageClassificationInferencer):
    pass


class _Segmentation(_OwnLoading, MMSegInferencer):
    pass


class _Detection(_OwnLoading, DetInferencer):
    pass


class Predictor:
    """Images in, predictions and pictures out.

    Args:
        config: A config with a test pipeline.
        checkpoint: File or http(s) URL.
        device: By default a GPU if there is one.

    Raises:
        CheckpointError: It cannot be read, or belongs to another model.
    """

    def __init__(
        self, config: Config, checkpoint: str, device: str | None = None
    ) -> None:
        init_default_scope(config.default_scope)
        content = read_checkpoint(checkpoint)
        device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.inferencer = self._build(config, checkpoint, device)
        model = self.inferencer.model
        weights = weights_of(content, checkpoint)
        fit = compare(model, weights, checkpoint, WHOLE)
        fit.check(type(model).__name__, OWN_CONFIG)
        self.meta = complete_meta(meta_of(content, config), model)
        model.dataset_meta = self.meta

    def predict(self, batch: Sequence[dict]) -> list:
        """A data sample for each prepared image."""
        samples = self.inferencer.model.test_step(pseudo_collate(batch))
        return [sample.cpu() for sample in samples]

    def draw(self, image: np.ndarray, sample) -> np.ndarray:
        """Draw a prediction on an image as read; RGB."""
        visualizer = self.inferencer.visualizer
        shown = np.ascontiguousarray(as_picture(image)[..., ::-1])
        self._draw(visualizer, shown, sample)
        return visualizer.get_image()

    def name_of(self, label: int) -> str:
        """The name of a class, or its number if it has none."""
        classes = self.meta['classes']
        return str(classes[label] if label < len(classes) else label)


class Classifier(Predictor):
    """Predicts with mmpretrain; see ``Predictor``."""

    def _build(self, config, checkpoint, device):
        inferencer = _Classification(config, checkpoint, device)
        inferencer.visualizer = UniversalVisualizer()
        return inferencer

    def _draw(self, visualizer, image, sample) -> None:
        if hasattr(sample, 'tasks'):
            lines = [f'{k}: {v}' for k, v in self.record(sample).items()]
            visualizer.set_image(image)
            place = np.array([[5, 5]])
            visualizer.draw_texts('\n'.join(lines), place, colors='g')
            return
        visualizer.visualize_cls(
            image, sample, self.meta['classes'], draw_gt=False
        )

    def record(self, sample) -> dict:
        """The most likely class and its score.

        A multi-label head gives all its labels with their scores, a
        multi-task head a record for each task.
        """
        if hasattr(sample, 'tasks'):
            heads = self.inferencer.model.head.task_heads
            return {
                task: self._of_head(heads[task], sample.get(task), str)
                for task in sorted(sample.tasks)
            }
        return self._of_head(self.inferencer.model.head, sample, self.name_of)

    @staticmethod
    def _of_head(head: nn.Module, sample, name_of: Callable) -> dict:
        scores = sample.pred_score
        if isinstance(head, MultiLabelClsHead):
            labels = sample.pred_label.tolist()
            return dict(
                labels=labels,
                names=[name_of(label) for label in labels],
                scores=[float(scores[label]) for label in labels],
            )
        label = int(scores.argmax())
        return dict(
            label=label, name=name_of(label), score=float(scores[label])
        )


class Segmentor(Predictor):
    """Predicts with mmseg; see ``Predictor``."""

    def _build(self, config, checkpoint, device):
        return _Segmentation(
            config, checkpoint, device=device, show_progress=False
        )

    def _draw(self, visualizer, image, sample) -> None:
        names = {key: self.meta.get(key) for key in ('classes', 'palette')}
        visualizer.set_dataset_meta(**names)
        visualizer.add_datasample('', image, sample, draw_gt=False)

    def record(self, sample) -> dict:
        """The class of each pixel, and the share of each class."""
        labels = sample.pred_sem_seg.data.squeeze(0).numpy()
        values, counts = np.unique(labels, return_counts=True)
        shares = counts / labels.size
        return dict(
            class_map=labels,
            shares={self.name_of(v): float(s) for v, s in zip(values, shares)},
        )


class Detector(Predictor):
    """Predicts with mmdet; see ``Predictor``.

    Args:
        config: See ``Predictor``.
        checkpoint: See ``Predictor``.
        device: See ``Predictor``.
        min_score: Detections with a lower score are dropped.
    """

    def __init__(
        self,
        config: Config,
        checkpoint: str,
        device: str | None = None,
        min_score: float = 0.3,
    ) -> None:
        super().__init__(config, checkpoint, device)
        self.min_score = min_score

    def _build(self, config, checkpoint, device):
        return _Detection(config, checkpoint, device, show_progress=False)

    def _draw(self, visualizer, image, sample) -> None:
        visualizer.dataset_meta = self.meta
        visualizer.add_datasample(
            '', image, sample, draw_gt=False, pred_score_thr=self.min_score
        )

    def record(self, sample) -> dict:
        """Boxes (x1, y1, x2, y2), and masks in COCO's run lengths."""
        if 'pred_instances' in sample:
            found = sample.pred_instances
            sample.pred_instances = found[found.scores >= self.min_score]
        record = self.inferencer.pred2dict(sample)
        labels = record.get('labels', ())
        record['names'] = [self.name_of(label) for label in labels]
        # Colours encode segments: (H, W, 3), the number in base 256.
        segments = record.pop('panoptic_seg', None)
        if segments is not None:
            places = np.array([1, 256, 65536])
            record['class_map'] = (segments * places).sum(-1)
        return record


LIBRARIES = dict(mmpretrain=Classifier, mmseg=Segmentor, mmdet=Detector)


def meta_of(content: dict, config: Config) -> dict:
    """Names and colours of classes, from a checkpoint or a config."""
    meta = (content.get('meta') or {}).get('dataset_meta')
    if meta and meta.get('classes'):
        return dict(meta)
    dataset = config.test_dataloader.dataset
    # The root registry's get() does not search the libraries'.
    with DATASETS.switch_scope_and_registry(config.default_scope) as registry:
        known = getattr(registry.get(dataset.type), 'METAINFO', {})
    return {**known, **dataset.get('metainfo', {})}
