"""One line that shows the progress of a training; the rest is in its log."""

import sys
import time
from typing import TextIO

from mmengine.hooks import Hook

from ...cli import time_left

_TERMINAL, _FILE = 0.2, 30.0  # seconds between two lines


class ProgressLineHook(Hook):
    """Shows epoch, step, loss, the metric and the time that is left.

    Args:
        stream: By default stderr. A terminal shows one line that is
            overwritten, a file gets one line after another.
        metric: Name of the metric that is shown, for example ``'mIoU'``.
    """

    priority = 'VERY_LOW'

    def __init__(
        self, stream: TextIO | None = None, metric: str | None = None
    ) -> None:
        self.stream = stream or sys.stderr
        self.metric = metric
        self.terminal = self.stream.isatty()
        self._shown = ''
        self._last = self._begin = self._first = 0
        self._value = self._best = None

    def before_train(self, runner) -> None:
        """Start the clock."""
        self._begin, self._first = time.monotonic(), runner.iter
        # Of a run that is resumed.
        self._best = runner.message_hub.runtime_info.get('best_score')

    def after_train_iter(
        self, runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Show the line now and then."""
        wait = _TERMINAL if self.terminal else _FILE
        done = runner.iter + 1
        if time.monotonic() - self._last >= wait or done == runner.max_iters:
            self._show(self._line(runner, done))

    def before_val_epoch(self, runner) -> None:
        """Show that validation runs."""
        if self.terminal:
            self._show(f'{self._shown.split("  now ")[0]}  now validating')

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Keep the metric."""
        value = (metrics or {}).get(self.metric)
        if value is not None and value == value:
            self._value = float(value)
            self._best = max(self._value, self._best or self._value)
        self._show(self._line(runner, runner.iter))

    def after_train(self, runner) -> None:
        """End the line."""
        self.close()

    def close(self) -> None:
        """End the line, so that other output begins a new one."""
        if self.terminal and self._shown:
            print(file=self.stream, flush=True)
        self._shown = ''

    def _line(self, runner, done: int) -> str:
        total = runner.max_iters
        epoch = min(runner.epoch + 1, runner.max_epochs)
        parts = [
            f'epoch {epoch} of {runner.max_epochs}',
            f'step {done:,} of {total:,}',
        ]
        scalars = runner.message_hub.log_scalars
        if 'train/loss' in scalars:
            loss = float(scalars['train/loss'].current())
            parts.append(f'loss {loss:.3f}')
        if self._value is not None:
            name = self.metric.split('/')[-1]
            parts.append(f'{name} {self._value:.4g} (best {self._best:.4g})')
        made = done - self._first
        if made > 0:
            parts.append(time_left(self._begin, made, total - self._first))
        return '  '.join(parts)

    def _show(self, line: str) -> None:
        self._last = time.monotonic()
        if self.terminal:
            blank = ' ' * max(0, len(self._shown) - len(line))
            print(f'\r{line}{blank}', end='', file=self.stream, flush=True)
        elif line != self._shown:
            print(line, file=self.stream, flush=True)
        self._shown = line
