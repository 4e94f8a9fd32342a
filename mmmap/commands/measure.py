"""Measure the time and memory of a step of a run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from mmengine.registry import FUNCTIONS, MODELS, DefaultScope
from mmengine.runner import Runner

from ..engine.launch import replace_sync_bn

_LONG = 5.0  # seconds; a first step longer than this is not repeated


class Measured(NamedTuple):
    """What a run costs on this machine.

    Attributes:
        step: Seconds of a training step, including its share of loading.
        validation: Seconds of one validation.
        memory: Bytes on the GPU, 0 without one.
        batch: Batch size, halved until the step fitted on the GPU.
    """

    step: float
    validation: float
    memory: int
    batch: int


def measure(config: Config) -> Measured:
    """Run a few steps of a config on its data.

    Args:
        config: Of a run; the batch is halved while it does not fit.
    """
    scope = config.get('default_scope') or 'mmengine'
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    with DefaultScope.overwrite_default_scope(scope), _kept_random_state():
        batch = config.train_dataloader.batch_size
        loading, samples = _loading(config.train_dataloader, batch)
        model = _model(config).to(device)
        while True:
            try:
                step = _step(model, samples[:batch], config, device)
                break
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
                if batch <= 2:
                    raise
                batch //= 2
        memory = 0
        if device.type == 'cuda':
            memory = torch.cuda.max_memory_allocated()
        workers = config.train_dataloader.num_workers
        loading *= batch / config.train_dataloader.batch_size
        step = max(step, loading / workers) if workers else step + loading
        return Measured(step, _validation(model, config), memory, batch)


def _model(config: Config) -> torch.nn.Module:
    settings = ConfigDict(config.model)
    if 'data_preprocessor' in config:
        settings.setdefault('data_preprocessor', config.data_preprocessor)
    settings = settings.copy()
    settings.backbone = ConfigDict(settings.backbone)
    # Its time does not depend on its weights.
    settings.backbone.init_cfg = None
    replace_sync_bn(settings)
    return MODELS.build(settings)


def _loading(loader: ConfigDict, batch: int) -> tuple[float, list]:
    """Seconds to load a batch in this process, and its samples."""
    settings = dict(loader, num_workers=0, persistent_workers=False)
    dataset = Runner.build_dataloader(settings, seed=0).dataset
    places = [k * len(dataset) // batch for k in range(batch)]
    begin = time.perf_counter()
    samples = [dataset[place] for place in places]
    return time.perf_counter() - begin, samples


def _step(model, samples: list, config: Config, device) -> float:
    """Seconds of a training step, after one to warm up."""
    model.train()
    wrapper = OptimWrapper(torch.optim.AdamW(model.parameters(), lr=0.0))
    kind = (config.train_dataloader.get('collate_fn') or {}).get('type')
    collate = FUNCTIONS.get(kind) if kind else pseudo_collate
    times = []
    for _ in range(2):
        begin = time.perf_counter()
        model.train_step(collate(samples), wrapper)
        if device.type == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
        if times[0] > _LONG:
            break
    return times[-1]


@torch.no_grad()
def _validation(model, config: Config) -> float:
    """Seconds to validate, estimated from one batch."""
    if not config.get('val_dataloader'):
        return 0.0
    settings = dict(
        config.val_dataloader, num_workers=0, persistent_workers=False
    )
    loader = Runner.build_dataloader(settings, seed=0)
    model.eval()
    begin = time.perf_counter()
    model.val_step(next(iter(loader)))
    return (time.perf_counter() - begin) * len(loader)


@contextmanager
def _kept_random_state() -> Iterator[None]:
    """Restore the random state, so that measuring does not change the run."""
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)
