"""From a command line to a runner, for training and testing."""

import argparse
import ctypes
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, RUNNERS
from mmengine.runner import Runner
from torch import nn

from ..checkpoints import (
    CheckpointError,
    check_content,
    check_file,
    read_meta,
)
from ..cli import AGAIN, Activity, during, is_main_rank, is_user_error
from ..datasets.config_datasets import set_data_root
from ..errors import InputError, UserError
from .hooks.annotation_ids import AnnotationIdHook
from .numbers import check_numbers
from .settings import open_config, override
from .work_dir_lock import NAME, lock_work_dir

_INTERFACES = ('GLOO_SOCKET_IFNAME', 'NCCL_SOCKET_IFNAME')


class NetworkError(UserError, RuntimeError):
    """Processes cannot reach each other; the message says what to set."""


@contextmanager
def nothing_left_behind(work_dir: str) -> Iterator[list[Runner]]:
    """Lock a work_dir, and clean it if the run fails before its first step.

    Args:
        work_dir: Existing files are kept.

    Yields:
        A list for the runner; after its first step, everything is kept.

    Raises:
        WorkDirInUse: Another run writes there.
    """
    folder = Path(work_dir)
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    before = set(folder.iterdir()) if folder.is_dir() else set()
    runners: list[Runner] = []
    with ExitStack() as stack:
        if is_main_rank():
            stack.enter_context(lock_work_dir(folder))
            # Another run may have just ended.
            before |= set(folder.iterdir()) - {folder / NAME}
        stack.enter_context(_cleared(folder, before, absent, runners))
        yield runners


@contextmanager
def _cleared(
    folder: Path, before: set[Path], absent: list[Path], runners: list[Runner]
) -> Iterator[None]:
    """Remove new files in a folder if its run fails before a step."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        refused = isinstance(error, KeyboardInterrupt) or is_user_error(error)
        started = any(map(_has_stepped, runners))
        if refused and not started and folder.is_dir() and is_main_rank():
            for path in set(folder.iterdir()) - before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            for path in absent:
                with suppress(OSError):  # another run may use it by now
                    path.rmdir()
        raise


def _has_stepped(runner: Runner) -> bool:
    """Whether a runner has done a step.

    ``runner.iter`` would build the data again, which would fail again and hide
    the first message if the data ended the run.
    """
    return getattr(runner._train_loop, 'iter', 0) > 0


@contextmanager
def training(runner: Runner) -> Iterator[None]:
    """Say how far a training got if an error or Ctrl-C ends it.

    Raises:
        InputError: A batch is too small for batch normalisation.
    """

    def now(unit: str, done: int, total: int) -> str:
        return f'{unit} {min(done + 1, total)} of {total}'

    def activity() -> Activity:
        resume = 'run the same command with --resume'
        if last_checkpoint(runner.work_dir) is None:
            resume = f'{AGAIN} (no checkpoint was written yet)'
        return Activity(
            f'training, {now("epoch", runner.epoch, runner.max_epochs)}, '
            f'{now("iteration", runner.iter, runner.max_iters)}',
            runner.iter > 0,
            resume,
        )

    with during(activity):
        try:
            yield
        except ValueError as error:
            # torch's message names no setting.
            if 'Expected more than 1 value per channel' in str(error):
                raise InputError(
                    'batch normalisation needs more than one value in each '
                    'channel, and this batch has one: set '
                    'train_dataloader.batch_size to at least 2 (and '
                    'drop_last=True, where the last batch is smaller)'
                ) from error
            raise


def read_config(args: argparse.Namespace) -> Config:
    """Open the config of a command line and apply its options.

    Raises:
        FileNotFoundError: No such config.
        InputError: An option or a number of the config cannot be used.
    """
    config = open_config(args.config)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    override(config, args.cfg_options or {})
    check_numbers(config)
    if args.data_root:
        set_data_root(config, args.data_root)
    config.launcher = args.launcher
    config.work_dir = (
        args.work_dir
        or config.get('work_dir')
        or str(Path('work_dirs', Path(args.config).stem))
    )
    return config


def build_runner(config: Config) -> Runner:
    """Build the runner of a config, also for several processes without a GPU.

    Raises:
        CheckpointError: ``load_from`` is missing or truncated.
    """
    if config.get('load_from'):
        check_file(config.load_from)
    if not torch.cuda.is_available():
        _amp_on_cpu(config)
        if config.launcher == 'pytorch':
            _distribute_on_cpu(config)
    if config.launcher == 'pytorch':
        end_with_parent()
    _keep_own_config(config)
    with _network_advice():
        if 'runner_type' in config:
            runner = RUNNERS.build(config)
        else:
            runner = Runner.from_cfg(config)
    runner.register_hook(AnnotationIdHook())
    return runner


def _keep_own_config(config: Config) -> None:
    """Stop mmengine from overwriting a short config with the whole one.

    It writes ``work_dir/NAME.py``, which is the config itself if that lies in
    its work_dir.
    """
    file = Path(config.filename or '')
    if (
        file.is_file()
        and file.parent.absolute() == Path(config.work_dir).absolute()
    ):
        whole = file.with_name(f'{file.stem}_whole.py')
        object.__setattr__(config, '_filename', str(whole))


def end_with_parent() -> None:
    """Let the kernel end this process when its launcher is killed.

    Otherwise it would keep training alone, and block the work_dir.
    """
    # PR_SET_PDEATHSIG on Linux.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@contextmanager
def _network_advice() -> Iterator[None]:
    """Say what to set if processes cannot reach each other.

    Raises:
        NetworkError: They cannot.
    """
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        of_network = isinstance(error, torch.distributed.DistError)
        if not of_network and 'gloo' not in text.lower():
            raise
        given = ', '.join(
            f'{name}={os.environ.get(name, "")}'
            for name in ('MASTER_ADDR', *_INTERFACES)
        )
        known = ', '.join(name for _, name in socket.if_nameindex())
        raise NetworkError(
            f'the processes cannot reach each other ({text.splitlines()[0]}). '
            f'Set {" and ".join(_INTERFACES)} on each machine to the network '
            f'interface that reaches MASTER_ADDR (this machine has {known}), '
            f'and let the firewall pass connections between them; now {given}'
        ) from error


def last_checkpoint(work_dir: str) -> str | None:
    """The newest complete checkpoint of a run, or None.

    A run that was killed while writing may leave an empty
    ``last_checkpoint``, and a disk may damage any file. So checkpoints are
    verified, and damaged ones are skipped with a note.
    """
    found = _checkpoints(Path(work_dir))
    for path in found:
        problem = _damage(path)
        if not problem:
            return str(path)
        if is_main_rank():
            print(f'note: skipped, {problem}')
    return None


def _damage(path: Path) -> str:
    """Why a checkpoint cannot be resumed from; empty if it can.

    zipfile verifies checksums; torch's own reader is stricter with the
    directory of the archive.
    """
    try:
        check_file(path)
        check_content(path)
        read_meta(path)
    except CheckpointError as error:
        # A file that is refused is complete: resuming will say why.
        return '' if str(error).startswith('refused') else str(error)
    # Damaged bytes make zipfile raise errors of any type.
    except Exception as error:
        return f'cannot read the checkpoint {path}: it is damaged ({error})'
    return ''


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoint that mmengine recorded, then the others, newest first."""
    found = [*folder.glob('epoch_*.pth'), *folder.glob('iter_*.pth')]
    found.sort(key=os.path.getmtime, reverse=True)
    with suppress(OSError, ValueError):
        text = Path(folder, 'last_checkpoint').read_text(errors='replace')
        noted = Path(text.strip())
        # Only the name, because the folder may have been copied or moved.
        own = folder / noted.name
        noted = own if own.is_file() else noted
        if noted.is_file():
            found = [noted, *(path for path in found if path != noted)]
    return found


def leave_group() -> None:
    """Leave the group together; exiting within a group may abort."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Mixed precision on the CPU in bf16, which needs no loss scaling."""

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass under bf16 autocast."""
        with (
            super().optim_context(model),
            torch.autocast('cpu', torch.bfloat16),
        ):
            yield


def _amp_on_cpu(config: Config) -> None:
    """Replace mmengine's wrapper, which requires a GPU.

    Raises:
        InputError: A detector: mmcv's CPU operators take fp32 only.
    """
    wrapper = config.get('optim_wrapper') or {}
    if wrapper.get('type') == 'AmpOptimWrapper':
        if config.get('default_scope') == 'mmdet':
            raise InputError(
                "mixed precision for detectors needs a GPU: mmcv's NMS and "
                'RoIAlign take fp32 only on the CPU. Train without --amp'
            )
        wrapper.type = 'CPUAmpOptimWrapper'
        wrapper.pop('dtype', None)
        wrapper.pop('loss_scale', None)


def _distribute_on_cpu(config: Config) -> None:
    """Form the group with gloo; mmengine would first set a CUDA device."""
    with _network_advice():
        torch.distributed.init_process_group('gloo')
    config.setdefault('model_wrapper_cfg', {})
    config.model_wrapper_cfg.update(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=config.get('find_unused_parameters', False),
    )
    replaced = replace_sync_bn(config.model)
    if config.get('sync_bn'):
        # mmengine would turn every BN into a SyncBN.
        config.sync_bn = None
        replaced += 1
    if replaced and is_main_rank():
        print(
            f'no GPU: {replaced} SyncBN settings became BN, each process '
            'normalises by its own part of the batch'
        )


def replace_sync_bn(node) -> int:
    """Replace each ``type='SyncBN'`` by BN, for the CPU; return the count."""
    replaced = 0
    if isinstance(node, ConfigDict) and node.get('type') == 'SyncBN':
        node.type = 'BN'
        replaced += 1
    children = (
        node.values()
        if isinstance(node, dict)
        else node
        if isinstance(node, list | tuple)
        else ()
    )
    return replaced + sum(map(replace_sync_bn, children))
