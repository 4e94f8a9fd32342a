"""Run the demo's commands with one line of progress."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

# What mmengine prints while it trains.
_TRAINING = re.compile(
    r'Epoch\(train\)\s+\[(\d+)\]\[\s*(\d+)/(\d+)\].*?eta: (\S+).*?'
    r'\bloss: (\S+)'
)


class Progress:
    """Tell which step runs, how far it is and how long all will take.

    Args:
        steps: Title and expected seconds of each step.
    """

    def __init__(self, steps: list[tuple[str, float]]) -> None:
        self.steps = steps
        self.number = 0
        self.started = 0.0
        self.last_print = 0.0
        # Expected and true seconds of what has run, to correct the rest.
        self.expected, self.taken = 0.0, 0.0

    def begin(self, number: int) -> None:
        """Start with step ``number``, counted from 1."""
        self.number, self.started = number, time.time()

    def skip(self) -> None:
        """The step was done before."""
        print(f'{self._head()}: done already', flush=True)

    def line(self, text: str) -> None:
        """Take a line of the running command's output."""
        match = _TRAINING.search(text)
        if match and time.time() - self.last_print > 5:
            epoch, iteration, iterations, eta, loss = match.groups()
            left = _seconds(eta) + self._left_after()
            self._print(
                f'epoch {epoch} ({iteration}/{iterations}), loss {loss}, '
                f'all done in about {_minutes(left)}'
            )
            self.last_print = time.time()

    def end(self) -> None:
        """The step has run."""
        taken = time.time() - self.started
        self.expected += self.steps[self.number - 1][1]
        self.taken += taken
        self._print(
            f'{_minutes(taken)}, about {_minutes(self._left_after())} to go\n'
        )

    def _left_after(self) -> float:
        pace = self.taken / self.expected if self.expected else 1.0
        return pace * sum(seconds for _, seconds in self.steps[self.number :])

    def _head(self) -> str:
        title = self.steps[self.number - 1][0]
        return f'[{self.number}/{len(self.steps)}] {title}'

    def _print(self, text: str) -> None:
        if sys.stdout.isatty():
            print(f'\r\033[K{self._head()}: {text}', end='', flush=True)
        else:
            print(f'{self._head()}: {text.rstrip()}', flush=True)


def run_logged(argv: list, log: Path, progress: Progress) -> None:
    """Run a command, its output in a file.

    Raises:
        SystemExit: It failed; the end of its output is printed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    # Threads that wait without spinning: a busy machine is not stalled.
    env = {'OMP_WAIT_POLICY': 'PASSIVE', **os.environ}
    with open(log, 'w', encoding='utf-8') as file:
        process = subprocess.Popen(
            [str(word) for word in argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
        )
        try:
            for text in process.stdout:
                file.write(text)
                progress.line(text)
        except KeyboardInterrupt:
            process.wait()
            sys.exit('\ninterrupted; the same command goes on from here')
    if process.wait():
        tail = log.read_text(encoding='utf-8').splitlines()[-15:]
        sys.exit('\n'.join([*tail, f'error: failed, all of it in {log}']))
    progress.end()


def _seconds(eta: str) -> float:
    """``H:MM:SS``, as mmengine writes an ETA."""
    total = 0
    for part in eta.split(':'):
        total = 60 * total + int(part)
    return total


def _minutes(seconds: float) -> str:
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d} min'
