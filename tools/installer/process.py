"""Long commands: run into a log, followed, and ended with all they started."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from installer.machine import InstallError, shown

# With less free space than this, a command has failed for lack of it.
FULL_GB = 0.05


def spoken(seconds: float) -> str:
    """Seconds in readable form: 40 s, 12 min."""
    return f'{seconds:.0f} s' if seconds < 100 else f'{seconds / 60:.0f} min'


class Progress:
    """One line with the progress of a running command.

    On a terminal the line is rewritten every second; elsewhere (the log of a
    build server) a new one is printed every half minute.

    Args:
        stream: Where to print; standard output by default.
        clock: Returns seconds.
    """

    compiled = re.compile(r'\s*\[(\d+)/(\d+)\] ')
    fetched = re.compile(r'\s*Downloading (\S+) \((.+)\)')
    built = re.compile(r'\s*Building (?:wheel|editable) for (\S+)')

    def __init__(
        self, stream: TextIO | None = None, clock=time.monotonic
    ) -> None:
        self.stream = stream or sys.stdout
        self.terminal = self.stream.isatty()
        self.clock = clock
        self.start = self.shown = clock()
        self.first = None
        self.note = 'starting'

    def feed(self, line: str) -> None:
        """Learn from one line that pip or ninja has printed."""
        if match := self.compiled.match(line):
            self.note = self.compiling(int(match[1]), int(match[2]))
        elif match := self.fetched.match(line):
            name = match[1].rsplit('/', 1)[-1].split('-', 1)[0]
            self.note = f'downloading {name}, {match[2]}'
        elif match := self.built.match(line):
            self.note = f'building {match[1]}'
        elif line.startswith('Installing collected packages'):
            count = line.count(',') + 1
            self.note = f'unpacking {count} package{"s" * (count > 1)}'

    def compiling(self, done: int, total: int) -> str:
        """How much is compiled; the rest at the pace since the first file."""
        now = self.clock()
        self.first = self.first or (done, now)
        text = f'compiling, {done} of {total} files ({100 * done // total} %)'
        if done == self.first[0]:
            return text
        pace = (now - self.first[1]) / (done - self.first[0])
        return f'{text}, about {spoken(pace * (total - done))} left'

    def show(self) -> None:
        """Print the line if it is time to."""
        now = self.clock()
        if now - self.shown < (1 if self.terminal else 30):
            return
        self.shown = now
        self.write(f'    {spoken(now - self.start)}: {self.note}')

    def write(self, text: str) -> None:
        """Print over the line before on a terminal, else below it."""
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            text = f'\r{text[:width]:<{width}}\r'
        else:
            text += '\n'
        self.stream.write(text)
        self.stream.flush()

    def close(self) -> None:
        """Clear the line."""
        if self.terminal:
            self.write('')


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    env: dict[str, str],
    keep_open: Sequence[int] = (),
) -> int:
    """Run a command into a log and show its progress.

    Args:
        command: Program and arguments.
        log: The file to append its output to.
        env: Its environment variables.
        keep_open: File descriptors that it inherits.

    Returns:
        Its exit status.
    """
    progress = Progress()
    with log.open('a') as sink, log.open(errors='replace') as source:
        sink.write(f'\n$ {shlex.join(map(str, command))}\n')
        sink.flush()
        source.seek(0, os.SEEK_END)
        child = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            # In a new session, so that it can be ended with its children.
            start_new_session=True,
            pass_fds=keep_open,
        )
        try:
            follow(child, source, progress)
        except BaseException:
            end_group(child)
            raise
        finally:
            progress.close()
    return child.returncode


def follow(
    child: subprocess.Popen, source: TextIO, progress: Progress
) -> None:
    """Read what a command logs until it ends."""
    while child.poll() is None:
        time.sleep(0.2)
        for line in source:
            progress.feed(line)
        progress.show()


def end_group(child: subprocess.Popen) -> None:
    """End a command with all that it has started.

    SIGTERM comes first: ninja passes it on to the compilers, which run in
    their own groups.
    """
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, sign)
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
        return


def failure(command: Sequence[str | Path], status: int, log: Path):
    """The error for a command that failed, with the end of its log."""
    lines = log.read_text(errors='replace').splitlines()[-25:]
    free = shutil.disk_usage(log.parent).free / 1e9
    if free < FULL_GB:  # the log may lack the error
        lines += ['', f'The disk of {shown(log.parent)} is full.']
    return InstallError(
        '\n'.join(lines) + f'\n\nThis command failed (exit status {status}):\n'
        f'  {shlex.join(map(str, command))}\n'
        f'The lines above are the end of {shown(log)}. Finished steps are '
        'kept:\nfix the cause and run the same command again.'
    )
