"""The quality of features during pretraining."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmpretrain.registry import DATASETS
from torch import Tensor

from ...datasets.image_reader import loading_steps
from ...errors import InputError
from ...evaluation import (
    effective_rank,
    extract,
    feature_deviation,
    image_folder,
    keep_some,
    knn_accuracy,
    linear_probe,
    pooled,
)
from ..trained_models import image_size
from ..training_health import trouble

STATE = 'feature_monitor'  # name in the message hub
SHARDED = 'set_state_dict_type', 'unshard'  # methods of FSDP 1 and 2


@HOOKS.register_module()
class FeatureMonitorHook(Hook):
    """Measure the frozen encoder every few epochs of pretraining.

    On images or clouds of the training set, without labels, it measures
    ``effective_rank`` (RankMe) and ``deviation`` of the features. With
    labelled samples, it also measures the accuracy of nearest neighbours and
    of a linear probe, in percent. They are images ``train/<class>/*`` and
    ``val/<class>/*`` in ``data_root``, or, also for clouds, the data sets
    whose configs ``train`` and ``val`` are. All results go to the log and the
    curves. It warns if pretraining has collapsed, has diverged or stands
    still; the rules are those of ``mmmap.engine.training_health.trouble``.

    Features are means of the encoder's normalised tokens
    (``evaluate_features.py`` normalises the mean, so its accuracies differ a
    little), with the weights of the training even if an ``EMAHook`` averages
    them.

    The first process measures while the others wait. Training is not changed:
    weights, modes and random states stay as they are. Features that are not
    finite, or an image that has become unreadable, are a warning. A resumed
    run continues with the losses and times of its checkpoint.

    Args:
        interval: Epochs between measurements; also after the last epoch.
        num_samples: Samples of the training set, the same ones each time.
        data_root: Folder of labelled images.
        train: Folder below it to learn from, or the config of a data set of
            mmpretrain's registry whose samples have a class.
        val: The same, to evaluate on.
        k: Number of neighbours.
        batch_size: Batch size of the measurement.
        max_share: Share of the time since the start that measurements may
            take, with their preparation. A measurement that would exceed it,
            if it takes as long as the one before, is skipped. The time of the
            first is not known before, and the one after the last epoch is
            never skipped, so short runs can exceed the share. Skipped or not,
            the loss is watched.
        num_labelled: Samples of each labelled folder or data set to use,
            drawn once, as many of each class as possible. If there are so
            many classes that each would have fewer than 10, some classes are
            drawn.

    Raises:
        InputError: Settings out of range, labelled samples or an encoder that
            cannot be used, or sharded weights.
    """

    priority = 'LOW'

    def __init__(
        self,
        interval: int = 10,
        num_samples: int = 256,
        data_root: str | None = None,
        train: str | dict = 'train',
        val: str | dict = 'val',
        k: int = 20,
        batch_size: int = 64,
        max_share: float = 0.03,
        num_labelled: int = 500,
    ) -> None:
        least = dict(
            interval=1, num_samples=2, k=1, batch_size=1, num_labelled=20
        )
        for name, value in least.items():
            if locals()[name] < value:
                raise InputError(
                    f'{name} must be {value} or more, got {locals()[name]}'
                )
        if not 0 < max_share <= 1:
            raise InputError(f'max_share must be in (0, 1], got {max_share}')
        self.interval, self.num_samples = interval, num_samples
        if isinstance(train, Mapping) != isinstance(val, Mapping):
            raise InputError(
                'train and val must both be folders or both be configs of '
                f'data sets, got {train!r} and {val!r}'
            )
        self.data_root, self.sources = data_root, dict(train=train, val=val)
        self.k, self.batch_size = k, batch_size
        self.max_share, self.num_labelled = max_share, num_labelled
        # Seconds of all measurements and of the last one.
        self.spent = self.cost = 0.0
        self.losses: list[float] = []
        self._samples, self._labelled = [], []
        self._noted = False

    def before_train(self, runner) -> None:
        """Prepare the samples, so that mistakes show at the start."""
        if any(hasattr(runner.model, name) for name in SHARDED):
            raise InputError(
                'FeatureMonitorHook cannot use sharded weights; remove it '
                'from custom_hooks'
            )
        if not is_main_process():
            return
        begin = time.monotonic()
        dataset = runner.train_dataloader.dataset
        count = min(self.num_samples, len(dataset))
        places = np.linspace(0, len(dataset) - 1, count).astype(int)
        with own_randomness():
            samples = [
                dict(inputs=first_view(dataset[int(place)]['inputs']))
                for place in places
            ]
        if count > 1:
            self._try(model_of(runner), samples[:2])
        self._samples = samples
        if self.data_root or isinstance(self.sources['train'], Mapping):
            self._labelled = self._open(runner)
        self._restore(runner, begin)
        self.spent += time.monotonic() - begin

    def _restore(self, runner, begin: float) -> None:
        """Continue with what the checkpoint of a resumed run has."""
        state = {}
        if runner.epoch:
            state = runner.message_hub.runtime_info.get(STATE, state)
        self.losses = list(state.get('losses', ()))
        self.spent, self.cost = state.get('spent', 0.0), state.get('cost', 0.0)
        self.began = begin - state.get('elapsed', 0.0)

    def _try(self, model, samples: list[dict]) -> None:
        """Find out before the first step if it cannot measure a model."""
        self._samples = samples
        try:
            self.measure(model)
        except (TypeError, RuntimeError) as error:
            raise InputError(
                'FeatureMonitorHook cannot use the features of a '
                f'{type(model.backbone).__name__} ({error}); remove it from '
                'custom_hooks'
            ) from error

    def _open(self, runner) -> list:
        """The labelled samples to learn from and to evaluate on."""
        try:
            sets = [self._build(s, runner) for s in self.sources.values()]
            names = [
                name if isinstance(source, Mapping) else self._folder(source)
                for name, source in self.sources.items()
            ]
            notes = keep_some(sets, names, self.num_labelled)
        except InputError as error:
            raise InputError(
                f'the labelled samples of FeatureMonitorHook: {error}'
            ) from error
        for note in notes:
            runner.logger.info(f'FeatureMonitorHook uses {note}')
        return sets

    def _folder(self, name: str) -> str:
        return str(Path(self.data_root, name))

    def _build(self, source: str | Mapping, runner):
        """A labelled data set from a folder of images or a config."""
        if isinstance(source, Mapping):
            try:
                return DATASETS.build(source)
            except (KeyError, TypeError, ValueError, OSError) as error:
                kind = source.get('type')
                raise InputError(f'{kind}: {error}') from error
        if self._samples[0]['inputs'].dim() != 3:
            raise InputError(
                'data_root is for images, but this pretraining is on point '
                'clouds; give train and val as configs of data sets'
            )
        size = image_size(model_of(runner).backbone)
        folder = Path(self._folder(source))
        return image_folder(folder, size, loading_steps(runner.cfg))

    def after_train_epoch(self, runner) -> None:
        """Measure, log and warn."""
        if not is_main_process():
            return
        last = self.is_last_train_epoch(runner)
        history = runner.message_hub.log_scalars.get('train/loss')
        if history is not None:
            batches = runner.max_iters // runner.max_epochs
            self.losses.append(float(history.mean(batches)))
        if last or self.every_n_epochs(runner, self.interval):
            scores = self._measure(runner, last)
            for warning in trouble(self.losses, scores.get('deviation')):
                runner.logger.warning(
                    f'epoch {runner.epoch + 1}: pretraining {warning}'
                )
        state = dict(losses=self.losses, spent=self.spent, cost=self.cost)
        state['elapsed'] = time.monotonic() - self.began
        runner.message_hub.update_info(STATE, state)

    def _measure(self, runner, last: bool) -> dict[str, float]:
        """Measure and log, if there is time for it."""
        begin = time.monotonic()
        most = self.max_share * (begin - self.began)
        if not last and self.spent + self.cost > most:
            if not self._noted:
                self._noted = True
                runner.logger.info(
                    f'Features [{runner.epoch + 1}]  not measured: it would '
                    f'take more than {self.max_share:.0%} of the time '
                    '(max_share of FeatureMonitorHook); this is logged once'
                )
            return {}
        try:
            scores = self.measure(model_of(runner))
        except InputError as error:  # which must not end the training
            runner.logger.warning(f'the features are not measured: {error}')
            return {}
        finally:
            self.cost = time.monotonic() - begin
            self.spent += self.cost
        runner.visualizer.add_scalars(scores, step=runner.iter)
        text = ', '.join(f'{name}: {x:.4g}' for name, x in scores.items())
        runner.logger.info(f'Features [{runner.epoch + 1}]  {text}')
        return scores

    def measure(self, model) -> dict[str, float]:
        """Numbers of a model, by name."""
        training = model.training
        model.eval()
        device = next(model.parameters()).device

        def encode(inputs: Tensor) -> Tensor:
            return pooled(model.backbone(inputs))

        def prepare(batch: dict) -> dict:
            inputs = batch['inputs']
            if isinstance(inputs, list):
                inputs = torch.stack(inputs)
            # mmpretrain's pretraining samples have only these two.
            data = dict(inputs=inputs, data_samples=None)
            return model.data_preprocessor(data, False)

        # Batches of another size would compile the backbone again.
        eager = torch.compiler.set_stance('force_eager')
        try:
            with torch.no_grad(), own_randomness(), eager:
                features = torch.cat(
                    [
                        encode(prepare(pseudo_collate(batch))['inputs'])
                        for batch in self._batches()
                    ]
                ).float()
                scores = dict(
                    effective_rank=effective_rank(features),
                    deviation=feature_deviation(features),
                )
                if self._labelled:
                    scores |= self._judge(encode, prepare, device)
        finally:
            model.train(training)
        return scores

    def _batches(self) -> Iterator[list[dict]]:
        for start in range(0, len(self._samples), self.batch_size):
            yield self._samples[start : start + self.batch_size]

    def _judge(self, encode, prepare, device) -> dict[str, float]:
        """Accuracies on the labelled samples, in percent."""
        found = []
        for data in self._labelled:
            found += extract(
                encode, data, prepare, self.batch_size, progress=False
            )
        found = [x.to(device) for x in found]
        k = min(self.k, len(found[0]))
        neighbours = knn_accuracy(*found, (k,))[k]
        return dict(
            knn=100 * neighbours, linear=100 * linear_probe(*found).accuracy
        )


def model_of(runner):
    """The model without its wrapper."""
    model = runner.model
    return model.module if is_model_wrapper(model) else model


def first_view(inputs: Tensor | list[Tensor]) -> Tensor:
    """An image; the first view for methods that use several."""
    return inputs[0] if isinstance(inputs, list) else inputs


@contextmanager
def own_randomness() -> Iterator[None]:
    """Use fixed random numbers inside; keep the state outside."""
    states = random.getstate(), np.random.get_state()
    cuda = torch.cuda.is_available()
    # By default torch would warn of every other GPU.
    devices = [torch.cuda.current_device()] if cuda else []
    with torch.random.fork_rng(devices):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
