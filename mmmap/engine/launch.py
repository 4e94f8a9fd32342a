"""From a command line to a runner: what train and test tools share."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, RUNNERS
from mmengine.runner import Runner
from torch import nn

from ..checkpoints import CheckpointError, check_file
from ..datasets.of_config import set_data_root

# What wrong input raises. Anything else is a bug and shows its traceback.
EXPECTED = (ArithmeticError, OSError, RuntimeError, ValueError)
# The launcher ends all processes well within it once one has failed.
_TURN = 10.0  # seconds


@contextmanager
def clear_errors(traceback: bool = False) -> Iterator[None]:
    """End with one clear message and status 1 where input is wrong.

    Args:
        traceback: Let the error through, with where it was raised.
    """
    try:
        yield
    except Exception as error:
        if traceback or not is_expected(error):
            raise
        if not is_main_rank():
            # Mostly the first process fails alike and says so; this one
            # is ended meanwhile, or it failed alone and must speak.
            time.sleep(_TURN)
        print(
            f'stopped by {type(error).__name__}; --traceback shows where\n'
            f'error: {told(error)}',
            file=sys.stderr,
            flush=True,
        )
        if torch.distributed.is_initialized():
            # Leaving a group in which others wait could hang.
            os._exit(1)
        raise SystemExit(1) from None


def is_expected(error: Exception) -> bool:
    """Whether the input is wrong, not the code.

    mmengine's registries say so of a config in errors of any type: of an
    unknown class, or of an argument that a class does not take. OpenMMLab
    asserts what it expects of data, and says so; of a data set without one
    sample of use it raises nothing but ``Exception``.

    Args:
        error: What was raised.
    """
    text = str(error)
    of_a_config = '__init__() ' in text or 'is not in the mm' in text
    of_data = type(error) in (AssertionError, Exception) and text != ''
    return isinstance(error, EXPECTED) or of_a_config or of_data


def told(error: Exception) -> str:
    """What an error says, without the traceback of a loader's process."""
    text = str(error)
    if 'Original Traceback' not in text:
        return text
    return text.rpartition(f'{type(error).__name__}: ')[2].strip()


@contextmanager
def nothing_left_behind(work_dir: str) -> Iterator[list[Runner]]:
    """Remove what a run wrote that was refused before its first step.

    Args:
        work_dir: What is in there already is kept.

    Yields:
        A list for the runner: once it has made a step, all is kept.
    """
    folder = Path(work_dir)
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    before = set(folder.iterdir()) if folder.is_dir() else set()
    runners: list[Runner] = []
    try:
        yield runners
    except Exception as error:
        if not is_expected(error):
            raise
        started = any(runner.iter > 0 for runner in runners)
        if folder.is_dir() and is_main_rank() and not started:
            for path in set(folder.iterdir()) - before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            for path in absent:
                with suppress(OSError):  # somebody else's by now
                    path.rmdir()
        raise


class _Settings(DictAction):
    """mmengine's KEY=VALUE, with a message for what is of another form."""

    def __call__(self, parser, namespace, values, option_string=None):
        wrong = [value for value in values if '=' not in value]
        if wrong:
            parser.error(
                f'{option_string} takes KEY=VALUE, as '
                f'train_dataloader.batch_size=4, got {" ".join(wrong)}'
            )
        super().__call__(parser, namespace, values, option_string)


def common_parser(description: str) -> argparse.ArgumentParser:
    """Options that training and testing share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir', help='results; by default work_dirs/<config name>'
    )
    parser.add_argument(
        '--data-root',
        metavar='DIR',
        help='folder of the data, instead of the data_root of the config',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_Settings,
        metavar='KEY=VALUE',
        help='override settings, as train_dataloader.batch_size=4',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes were started (dist_train.sh: pytorch)',
    )
    parser.add_argument(
        '--no-data-check',
        action='store_true',
        help='do not look at the data sets before the start',
    )
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show where an error was raised, not its message alone',
    )
    # Older launchers pass it; torchrun sets the environment instead.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser


def open_config(path: str | Path) -> Config:
    """A config of a file.

    Raises:
        FileNotFoundError: No such config.
        ValueError: It is no Python.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'no config at {path}; see configs/README.md for those there are'
        )
    try:
        return Config.fromfile(path)
    except SyntaxError as error:
        raise ValueError(
            f'{path}, or what it inherits, is not a config: {error}'
        ) from error


def read_config(args: argparse.Namespace) -> Config:
    """The config of a command line, with its options applied.

    Raises:
        FileNotFoundError: No such config.
    """
    config = open_config(args.config)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.cfg_options:
        config.merge_from_dict(args.cfg_options)
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
    """The runner of a config, also for several processes without a GPU.

    Raises:
        CheckpointError: ``load_from`` is absent or truncated.
    """
    if config.get('load_from'):
        check_file(config.load_from)
    if not torch.cuda.is_available():
        _amp_on_cpu(config)
        if config.launcher == 'pytorch':
            _distribute_on_cpu(config)
    if 'runner_type' in config:
        return RUNNERS.build(config)
    return Runner.from_cfg(config)


def last_checkpoint(work_dir: str) -> str | None:
    """The newest whole checkpoint of a run, None where there is none.

    A run that was killed while it wrote may have left a truncated one, or
    emptied mmengine's note of which is the last.
    """
    folder, note = Path(work_dir), Path(work_dir, 'last_checkpoint')
    found = [*folder.glob('epoch_*.pth'), *folder.glob('iter_*.pth')]
    paths = sorted(found, key=os.path.getmtime, reverse=True)
    if note.is_file():
        paths.insert(0, note.read_text().strip())
    for path in map(str, paths):
        with suppress(CheckpointError):
            check_file(path)
            return path
    return None


def leave_group() -> None:
    """Leave the processes together; exiting within a group may abort."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def is_main_rank() -> bool:
    """Whether this is the first process, before the group is formed."""
    rank = os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0'))
    return rank == '0'


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Mixed precision on the CPU, in bf16, which needs no loss scaling."""

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Forward in bf16 where that is safe."""
        with (
            super().optim_context(model),
            torch.autocast('cpu', torch.bfloat16),
        ):
            yield


def _amp_on_cpu(config: Config) -> None:
    """Replace mmengine's wrapper, which insists on a GPU.

    Raises:
        ValueError: A detector: mmcv's CPU operators take fp32 only.
    """
    wrapper = config.get('optim_wrapper') or {}
    if wrapper.get('type') == 'AmpOptimWrapper':
        if config.get('default_scope') == 'mmdet':
            raise ValueError(
                "mixed precision for detectors needs a GPU: mmcv's NMS and "
                'RoIAlign take fp32 only on the CPU. Train without --amp'
            )
        wrapper.type = 'CPUAmpOptimWrapper'
        wrapper.pop('dtype', None)
        wrapper.pop('loss_scale', None)


def _distribute_on_cpu(config: Config) -> None:
    """Form the group with gloo; mmengine would set a CUDA device first."""
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
        # mmengine's wish to make every BN one.
        config.sync_bn = None
        replaced += 1
    if replaced and is_main_rank():
        print(
            f'no GPU: {replaced} SyncBN settings became BN, each process '
            'normalises by its own part of the batch'
        )


def replace_sync_bn(node) -> int:
    """Make every ``type='SyncBN'`` a BN, which the CPU has; how many."""
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
