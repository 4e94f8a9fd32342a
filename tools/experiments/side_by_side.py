"""Run commands, some side by side, with one line of progress."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from mmmap.errors import UserError

# What mmengine prints while it trains.
_TRAINING = re.compile(
    r'Epoch\(train\)\s+\[(\d+)\]\[\s*(\d+)/(\d+)\].*?eta: (\S+).*?'
    r'\bloss: (\S+)'
)


@dataclass(eq=False)
class Step:
    """One command.

    Attributes:
        title: What is printed.
        argv: The command, after the interpreter.
        seconds: Approximate time on 2 CPU cores.
        done: Whether it need not run.
        after: Called after success, with the seconds it took.
        needed: Whether the later steps of its lane need its success.
    """

    title: str
    argv: list
    seconds: float
    done: Callable[[], bool]
    after: Callable[[float], None] = lambda seconds: None
    needed: bool = True


class StepError(UserError):
    """A command that failed, with the end of its output."""


# Steps that run one after the other; lanes run side by side.
Lane = list[Step]
Stage = list[Lane]


class Progress:
    """Print which steps run, their progress and the remaining time.

    Args:
        stages: What to run, in order.
        workers: Lanes that run at the same time; by default all of a stage.
    """

    def __init__(
        self, stages: list[Stage], workers: int | None = None
    ) -> None:
        self.stages = stages
        self.workers = workers
        steps = [s for stage in stages for lane in stage for s in lane]
        self.numbers = {step: n for n, step in enumerate(steps, 1)}
        # Seconds that a step still needs: expected, then as it reports.
        self.left = {step: step.seconds for step in steps}
        self.said: dict[Step, float] = {}
        self.running: dict[Step, str] = {}
        self.expected, self.taken = 0.0, 0.0
        self.last_print = 0.0
        self.lock = threading.Lock()
        self.stopped = threading.Event()  # nothing new begins

    def begin(self, step: Step) -> None:
        """It runs from now on."""
        with self.lock:
            self.running[step] = 'starting'

    def skip(self, step: Step) -> None:
        """It was done before."""
        with self.lock:
            self.left[step] = 0
            print(f'{self._head(step)}: done already', flush=True)

    def line(self, step: Step, text: str) -> None:
        """Read a line of its output."""
        match = _TRAINING.search(text)
        if not match:
            return
        epoch, iteration, iterations, eta, loss = match.groups()
        with self.lock:
            self.said[step] = _seconds(eta)
            self.running[step] = (
                f'epoch {epoch} ({iteration}/{iterations}), loss {loss}'
            )
            if time.time() - self.last_print > 5:
                self.last_print = time.time()
                states = [
                    f'{self._head(s)}: {t}' for s, t in self.running.items()
                ]
                self._print('; '.join(states))

    def end(self, step: Step, seconds: float) -> None:
        """It has run for so long."""
        with self.lock:
            self.expected += step.seconds
            self.taken += seconds
            self.left[step] = self.said[step] = 0
            del self.running[step]
            self._print(f'{self._head(step)}: {_minutes(seconds)}', end='\n')

    def fail(self, step: Step) -> None:
        """It has failed, and the others continue."""
        with self.lock:
            self.left[step] = self.said[step] = 0
            del self.running[step]
            self._print(f'{self._head(step)}: failed', end='\n')

    def _remaining(self) -> float:
        pace = self.taken / self.expected if self.expected else 1.0

        def need(step):
            return self.said.get(step, pace * self.left[step])

        total = 0.0
        for stage in self.stages:
            lanes = [sum(map(need, lane)) for lane in stage]
            workers = self.workers or len(stage)
            total += max(max(lanes), sum(lanes) / workers)
        return total

    def _head(self, step: Step) -> str:
        return f'[{self.numbers[step]}/{len(self.numbers)}] {step.title}'

    def _print(self, text: str, end: str = '') -> None:
        text += f'; all done in about {_minutes(self._remaining())}'
        if sys.stdout.isatty():
            print(f'\r\033[K{text}', end=end, flush=True)
        else:
            print(text, flush=True)


def run_stage(
    stage: Stage, logs: Path, progress: Progress, keep_going: bool = False
) -> list[UserError]:
    """Run lanes side by side, sharing the cores.

    Args:
        stage: The lanes.
        logs: Folder for the output of each command.
        progress: What prints.
        keep_going: Run what does not need a step that fails.

    Returns:
        The failures, if ``keep_going``.

    Raises:
        UserError: A step failed. All others have been ended, as after Ctrl-C
            and SIGTERM.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    environment = {**os.environ}
    # Waiting threads must not spin, which would stall a busy machine.
    environment.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    workers = progress.workers or len(stage)
    if workers > 1:
        threads = max((os.cpu_count() or 1) // workers, 1)
        environment.setdefault('OMP_NUM_THREADS', str(threads))
    processes: set[subprocess.Popen] = set()
    with ThreadPoolExecutor(workers) as pool:
        lanes = [
            pool.submit(
                _run_lane,
                lane,
                logs,
                progress,
                environment,
                processes,
                keep_going,
            )
            for lane in stage
        ]
        try:
            done, _ = wait(lanes, return_when=FIRST_EXCEPTION)
        except KeyboardInterrupt:
            progress.stopped.set()
            _end(processes)
            raise
        failed = [lane.exception() for lane in done if lane.exception()]
        if failed:
            progress.stopped.set()
            _end(processes)
            raise failed[0]
        return [error for lane in lanes for error in lane.result()]


def _run_lane(
    lane, logs, progress, environment, processes, keep_going
) -> list[UserError]:
    failed = []
    for step in lane:
        if progress.stopped.is_set():
            break
        if step.done():
            progress.skip(step)
            continue
        progress.begin(step)
        started = time.time()
        number = progress.numbers[step]
        name = f'{number}_{step.title.replace(" ", "_").replace(",", "")}.log'
        try:
            _run_logged(step, logs / name, progress, environment, processes)
            step.after(time.time() - started)
        except UserError as error:
            if not keep_going:
                raise
            if progress.stopped.is_set():  # ended with the others
                break
            progress.fail(step)
            failed.append(error)
            if step.needed:
                break
        else:
            progress.end(step, time.time() - started)
    return failed


def _run_logged(step, log, progress, environment, processes) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'w', encoding='utf-8') as file:
        process = subprocess.Popen(
            [sys.executable, *map(str, step.argv)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding='utf-8',
            errors='replace',
            env=environment,
        )
        processes.add(process)
        if progress.stopped.is_set():  # since the lane looked
            process.terminate()
        for text in process.stdout:
            file.write(text)
            progress.line(step, text)
    if process.wait():
        # From the message of an error that is the user's, if there is one.
        text = log.read_text(encoding='utf-8').rpartition('\nerror: ')[2]
        tail = text.splitlines()[-15:]
        raise StepError('\n'.join([f'{step.title} failed, see {log}', *tail]))


def _end(processes: set[subprocess.Popen]) -> None:
    begun = list(processes)  # lanes may still add some, and end them
    for process in begun:
        process.terminate()
    for process in begun:
        process.wait()


def _seconds(eta: str) -> float:
    """``H:MM:SS``, as mmengine writes an ETA."""
    total = 0
    for part in eta.split(':'):
        total = 60 * total + int(part)
    return total


def _minutes(seconds: float) -> str:
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d} min'
