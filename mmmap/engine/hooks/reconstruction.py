"""Pictures of reconstructions during pretraining."""

from pathlib import Path

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ...visualization import reconstruction_grid, reconstruction_page
from ...visualization.images import save_text
from .feature_monitor import model_of, own_randomness


@HOOKS.register_module()
class ReconstructionHook(Hook):
    """Draw input, masked input and reconstruction while pretraining.

    The pictures go to the runner's visualizer, that is, to the work_dir and
    to any other backend. For clouds it also writes an HTML page to
    ``vis_data/vis_image`` in the run's folder. It does not change weights,
    modes or random states.

    Args:
        interval: Epochs between pictures; the last epoch always has one.
        num_images: Images or clouds to show, from the epoch's last batch.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 1, num_images: int = 4) -> None:
        self.interval = interval
        self.num_images = num_images
        self._batch = None

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ) -> None:
        """Keep the batch."""
        self._batch = data_batch

    def after_train_epoch(self, runner) -> None:
        """Draw."""
        due = self.every_n_epochs(runner, self.interval)
        due = due or self.is_last_train_epoch(runner)
        if not due or self._batch is None or not is_main_process():
            return
        step = runner.epoch + 1
        picture, page = draw(
            model_of(runner),
            self._batch,
            self.num_images,
            f'After epoch {step}',
        )
        runner.visualizer.add_image('reconstruction', picture, step=step)
        if page is not None:
            folder = Path(runner.log_dir, 'vis_data', 'vis_image')
            save_text(folder / f'reconstruction_{step}.html', page)
        self._batch = None


def draw(
    model, batch: dict, num_images: int, title: str = ''
) -> tuple[np.ndarray, str | None]:
    """The picture (H, W, 3), uint8 RGB, of a batch from a data loader.

    With it, of clouds, the page.
    """
    training = model.training
    model.eval()
    # Compiling for this batch takes longer than drawing it, and outputs that
    # the pictures keep cannot come from CUDA graphs.
    eager = torch.compiler.set_stance('force_eager')
    with eager, own_randomness():
        data = model.data_preprocessor(batch, False)
        shown = model.reconstruct(data['inputs'][:num_images])
    model.train(training)
    picture = reconstruction_grid(shown, model.data_preprocessor)
    return picture, reconstruction_page(shown, title)
