"""How every command starts, fails and ends.

Standard library only: ``--help`` does not wait for torch.

A command exits with status 0, or 1 after an error, 2 after a wrong command
line (argparse), 130 after Ctrl-C. Errors that a user can fix print only their
message: always for ``UserError``, and before the first step also for errors
of registries, config files and files. Anything else is a bug and keeps its
traceback, on the screen and in the log of the run.
"""

import argparse
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from .errors import UserError

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
AGAIN = 'run the same command again'
# Once one process has failed, a launcher ends the others well within this.
_TURN = 10.0  # seconds


@dataclass
class Activity:
    """What a command was doing when it ended.

    Attributes:
        what: For example ``'training, epoch 3 of 10'``.
        started: Whether the first step is done.
        resume: How to continue.
    """

    what: str = ''
    started: bool = False
    resume: str = AGAIN

    def __str__(self) -> str:
        during = f' while {self.what}' if self.what else ''
        return f'{during}; to continue, {self.resume}'


def command_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all commands share."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show where an error was raised, not only its message',
    )
    return parser


class _Settings(argparse.Action):
    """``KEY=VALUE`` pairs, as a dict of texts."""

    def __call__(self, parser, namespace, values, option_string=None):
        wrong = [value for value in values if '=' not in value]
        if wrong:
            parser.error(
                f'{option_string} takes KEY=VALUE, such as '
                f'train_dataloader.batch_size=4, got {" ".join(wrong)}'
            )
        found = dict(getattr(namespace, self.dest) or {})
        found |= dict(value.split('=', maxsplit=1) for value in values)
        setattr(namespace, self.dest, found)


def runner_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that training and testing share."""
    parser = command_parser(description)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir', help='output folder; default: work_dirs/<config name>'
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
        help='override settings, for example train_dataloader.batch_size=4',
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
        help='do not check the data sets before the start',
    )
    # Older launchers pass it; torchrun sets the environment instead.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    return parser


@contextmanager
def during(what: str | Callable[[], Activity]) -> Iterator[None]:
    """Note what was running if an error or Ctrl-C leaves this block.

    Args:
        what: For example ``'predicting'``, for a command that has started;
            or a function that returns an ``Activity``, called in that case.
    """
    try:
        yield
    except BaseException as error:
        if not hasattr(error, 'activity'):
            error.activity = (
                Activity(what, True) if isinstance(what, str) else what()
            )
        raise


def start(parse_args: Callable[[], argparse.Namespace]) -> None:
    """Answer ``--help`` and wrong options before slow imports.

    Errors and Ctrl-C during the imports end as those of the command.

    Args:
        parse_args: Parses the command line of this process.
    """
    args = parse_args()

    def end(kind, error, place):
        error = error.with_traceback(place)
        run(lambda args: _throw(error), args)

    sys.excepthook = end


def _throw(error: BaseException) -> None:
    raise error


def run(
    act: Callable[[argparse.Namespace], int | None],
    args: argparse.Namespace,
) -> int:
    """Run a command and return its exit status; every tool ends here.

    Args:
        act: Returns the exit status, None for 0.
        args: Its command line, of ``command_parser``.
    """
    if hasattr(sys.stdout, 'reconfigure'):
        # Names of files need not be UTF-8.
        sys.stdout.reconfigure(errors='backslashreplace')
    try:
        return act(args) or 0
    except KeyboardInterrupt as error:
        return _interrupted(error)
    except Exception as error:
        if _hides_interrupt(error):
            return _interrupted(error)
        if not is_main_rank():
            # Usually the first process fails in the same way and reports
            # it, and this one is ended. Otherwise it has to report.
            time.sleep(_TURN)
        _report(error, args.traceback)
        return _left(1)


def command(
    parse_args: Callable[[list[str] | None], argparse.Namespace],
    act: Callable[[argparse.Namespace], int | None],
) -> Callable[[list[str] | None], int]:
    """Return the ``main`` of a tool.

    Args:
        parse_args: Parses a command line, by default that of this process.
        act: What the tool does; see ``run``.
    """

    def main(argv: list[str] | None = None) -> int:
        """Run the command line; return its exit status."""
        return run(act, parse_args(argv))

    return main


def _interrupted(error: BaseException) -> int:
    if is_main_rank():
        _say(f'interrupted{getattr(error, "activity", Activity())}')
    return _left(INTERRUPTED)


def _hides_interrupt(error: BaseException) -> bool:
    """Whether a library has turned Ctrl-C into another error.

    mmengine does while it formats a config. A failure to write after Ctrl-C
    is an error of its own.
    """
    if is_user_error(error):
        return False
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def time_left(begin: float, done: int, total: int) -> str:
    """The time until a loop ends, if it keeps its pace.

    Args:
        begin: ``time.monotonic()`` at the start.
        done: Steps since then, at least one.
        total: All steps since then.
    """
    pace = (time.monotonic() - begin) / done
    return f'{duration(pace * (total - done))} left'


def duration(seconds: float) -> str:
    """As ``2 h 05 min``, ``12 min`` or ``40 s``."""
    if seconds < 90:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    if minutes < 90:
        return f'{minutes} min'
    return f'{minutes // 60} h {minutes % 60:02d} min'


def is_main_rank() -> bool:
    """Whether this is the first process, before the group is formed."""
    rank = os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0'))
    return rank == '0'


def is_user_error(error: BaseException, started: bool = False) -> bool:
    """Whether a user can fix an error from its message.

    Args:
        error: The error.
        started: Whether the first step is done; after it, only a
            ``UserError`` counts.
    """
    if isinstance(error, UserError):
        return True
    return not started and (isinstance(error, OSError) or _of_registry(error))


def message_of(error: BaseException) -> str:
    """The message of an error, without the traceback of a loader's process."""
    text = str(error)
    if 'Original Traceback' in text:
        text = text.rpartition(f'{type(error).__name__}: ')[2].strip()
    if isinstance(error, UserError):
        return text
    if isinstance(error, OSError) and error.filename is not None:
        return f'{error.filename}: {_of_file(error)}'
    if isinstance(error, OSError) and error.errno is None:
        return text  # it has a message of its own
    if isinstance(error, KeyError) and len(error.args) == 1:
        text = str(error.args[0])  # not in quotes
    return f'{type(error).__name__}: {" ".join(text.split())}'


def _of_file(error: OSError) -> str:
    what = {
        IsADirectoryError: 'this is a folder, expected a file',
        NotADirectoryError: 'a part of this path is a file, not a folder',
        FileNotFoundError: 'there is no such file or folder',
        FileExistsError: 'this exists already',
        PermissionError: 'you have no permission to use it',
    }.get(type(error), error.strerror)
    return f'{what}; correct the path'


def _of_registry(error: BaseException) -> bool:
    """Whether an error comes from a name or an argument in a config.

    mmengine's registries raise errors of any type for an unknown class or
    argument. Constructors check their arguments and data with ValueError and
    assertions; a data set without samples raises a plain ``Exception``.
    """
    modules = list(_modules(error.__traceback__))
    if not any(name.startswith('mmengine.registry') for name in modules):
        return False
    checks = isinstance(error, ValueError | ImportError) or (
        type(error) in (AssertionError, Exception) and str(error) != ''
    )
    arguments = isinstance(error, TypeError) and '__init__() ' in str(error)
    return checks or arguments or modules[-1].startswith('mmengine.registry')


def _modules(place: TracebackType | None) -> Iterator[str]:
    """Names of the modules in an error's traceback, outermost first."""
    while place is not None:
        yield place.tb_frame.f_globals.get('__name__', '')
        place = place.tb_next


def _report(error: Exception, with_traceback: bool) -> None:
    """Print an error, and write its traceback into the log of the run."""
    activity = getattr(error, 'activity', Activity())
    where = ''.join(traceback.format_exception(error))
    expected = is_user_error(error, activity.started)
    lines = [] if expected and not with_traceback else [where.rstrip()]
    if expected:
        lines.append(f'error: {message_of(error)}')
        if not isinstance(error, UserError | OSError) and not with_traceback:
            lines[-1] += ' (--traceback shows where)'
    if activity.started or not expected:
        lines.append(f'stopped{activity}')
    _log(f'{where}stopped{activity}')
    _say('\n'.join(lines))


def _log(text: str) -> None:
    """Write into the files of mmengine's logger, if there is one."""
    module = sys.modules.get('mmengine.logging')
    if module is None:
        return
    logger = module.MMLogger.get_current_instance()
    record = logger.makeRecord(
        logger.name, logging.ERROR, __file__, 0, text, (), None
    )
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)


def _say(text: str) -> None:
    # A progress line may be unfinished.
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)


def _left(status: int) -> int:
    """Leave a process group without waiting for the others, who may hang."""
    torch = sys.modules.get('torch')
    if torch is not None and torch.distributed.is_initialized():
        os._exit(status)
    return status
