"""One predictor for a config of any of the three libraries.

It wraps the library's own inferencer, and refuses a checkpoint that leaves a
part of the model at random, which these do not.
"""

from collections.abc import Sequence

import numpy as np
import torch
from mmdet.apis import DetInferencer
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from mmpretrain import ImageClassificationInferencer
from mmpretrain.visualization import UniversalVisualizer
from mmseg.apis import MMSegInferencer
from torch import nn

from ..checkpoints import CheckpointError, read_checkpoint
from ..models.backbones.pretrained import compare, weights_of


class Predictor:
    """Images in, predictions and pictures out.

    Args:
        config: With a test pipeline.
        checkpoint: File or http(s) URL.
        device: By default a GPU where there is one.

    Raises:
        CheckpointError: It cannot be read, or is of another model.
    """

    def __init__(
        self, config: Config, checkpoint: str, device: str | None = None
    ) -> None:
        init_default_scope(config.default_scope)
        content = read_checkpoint(checkpoint)
        device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.inferencer = self._build(config, checkpoint, device)
        model = self.inferencer.model
        check_whole(model, content, checkpoint)
        self.meta = meta_of(content, config)
        model.dataset_meta = self.meta

    def predict(self, images: Sequence[np.ndarray]) -> list:
        """A data sample for each image (H, W, 3), BGR, all of one size."""
        batches = self.inferencer.preprocess(list(images), len(images))
        samples = []
        for batch in batches:
            samples.extend(self.inferencer.forward(self._inputs(batch)))
        return [sample.cpu() for sample in samples]

    def draw(self, image: np.ndarray, sample) -> np.ndarray:
        """A picture of a prediction, RGB, of an image (H, W, 3), BGR."""
        visualizer = self.inferencer.visualizer
        self._draw(visualizer, np.ascontiguousarray(image[..., ::-1]), sample)
        return visualizer.get_image()

    def name_of(self, label: int) -> str:
        """The name of a class, or its number where it has none."""
        classes = self.meta.get('classes')
        return str(classes[label] if classes else label)

    @staticmethod
    def _inputs(batch):
        return batch


class Classifier(Predictor):
    """mmpretrain's, see :class:`Predictor`."""

    def _build(self, config, checkpoint, device):
        inferencer = ImageClassificationInferencer(config, checkpoint, device)
        inferencer.visualizer = UniversalVisualizer()
        return inferencer

    def _draw(self, visualizer, image, sample) -> None:
        visualizer.visualize_cls(
            image, sample, self.meta.get('classes'), draw_gt=False
        )

    def told(self, sample) -> dict:
        """The most likely class and its score."""
        label = int(sample.pred_score.argmax())
        score = float(sample.pred_score[label])
        return dict(label=label, name=self.name_of(label), score=score)


class Segmentor(Predictor):
    """mmseg's, see :class:`Predictor`."""

    def _build(self, config, checkpoint, device):
        return MMSegInferencer(
            config, checkpoint, device=device, show_progress=False
        )

    def _draw(self, visualizer, image, sample) -> None:
        names = {key: self.meta.get(key) for key in ('classes', 'palette')}
        visualizer.set_dataset_meta(**names)
        visualizer.add_datasample('', image, sample, draw_gt=False)

    def told(self, sample) -> dict:
        """The class of each pixel, and the share of each class."""
        labels = sample.pred_sem_seg.data.squeeze(0).numpy()
        values, counts = np.unique(labels, return_counts=True)
        shares = counts / labels.size
        return dict(
            class_map=labels,
            shares={self.name_of(v): float(s) for v, s in zip(values, shares)},
        )


class Detector(Predictor):
    """mmdet's, see :class:`Predictor`.

    Args:
        config: As there.
        checkpoint: As there.
        device: As there.
        min_score: What is less certain is neither drawn nor told.
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
        return DetInferencer(config, checkpoint, device, show_progress=False)

    @staticmethod
    def _inputs(batch):
        _, data = batch
        return data

    def _draw(self, visualizer, image, sample) -> None:
        visualizer.dataset_meta = self.meta
        visualizer.add_datasample(
            '', image, sample, draw_gt=False, pred_score_thr=self.min_score
        )

    def told(self, sample) -> dict:
        """Boxes (x1, y1, x2, y2), and masks in COCO's run lengths."""
        found = sample.pred_instances
        sample.pred_instances = found[found.scores >= self.min_score]
        told = self.inferencer.pred2dict(sample)
        told['names'] = [self.name_of(label) for label in told['labels']]
        return told


LIBRARIES = dict(mmpretrain=Classifier, mmseg=Segmentor, mmdet=Detector)


def check_whole(model: nn.Module, content: dict, source: str) -> None:
    """See that a checkpoint has every weight of a model.

    Raises:
        CheckpointError: It does not.
    """
    report = compare(model, weights_of(content, source), source)
    if report.missing or report.mismatched:
        raise CheckpointError(
            f'{report}. It does not fit {type(model).__name__}: use the '
            'config it was trained with'
        )


def meta_of(content: dict, config: Config) -> dict:
    """Names and colours of classes, from a checkpoint or else a config."""
    told = (content.get('meta') or {}).get('dataset_meta')
    if told and told.get('classes'):
        return dict(told)
    dataset = config.test_dataloader.dataset
    # The root's own get looks into no library.
    with DATASETS.switch_scope_and_registry(config.default_scope) as registry:
        known = getattr(registry.get(dataset.type), 'METAINFO', {})
    return {**known, **dataset.get('metainfo', {})}
