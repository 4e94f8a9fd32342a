"""Hooks that configs of the tests name."""

import builtins
import json
import os
import signal
import time
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class LossOfEachRankHook(Hook):
    """Write what each process has for a loss: the log has the first's."""

    def before_train(self, runner):
        self.losses = []

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ):
        self.losses.append(outputs['loss'].item())

    def after_train(self, runner):
        path = Path(runner.work_dir, f'losses_{runner.rank}.json')
        path.write_text(json.dumps(self.losses))


@HOOKS.register_module()
class FixedStatisticsHook(Hook):
    """Batch norms with running statistics: those of a batch depend on it."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()


@HOOKS.register_module()
class KillHook(Hook):
    """End the process as the kernel does, in the middle of an epoch."""

    def __init__(self, after):
        self.after = after

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ):
        if runner.iter + 1 == self.after:
            os.kill(os.getpid(), signal.SIGKILL)


@HOOKS.register_module()
class RaiseHook(Hook):
    """Raise an error that is built in, after an iteration."""

    def __init__(self, after, error):
        self.after = after
        self.error = error

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ):
        if runner.iter + 1 == self.after:
            raise getattr(builtins, self.error)('from a hook')


@HOOKS.register_module()
class EndLauncherHook(Hook):
    """End the run as a cluster's scheduler does, through its launcher."""

    def __init__(self, by='SIGTERM'):
        self.by = by

    def after_train_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ):
        os.kill(os.getppid(), getattr(signal, self.by))
        time.sleep(60)
