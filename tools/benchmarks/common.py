"""What the benchmarks share: options, header, timing, tables, memory.

On a shared machine, run them with OMP_WAIT_POLICY=PASSIVE: OpenMP threads that
spin while they wait make everything many times slower there.
"""

import argparse
import csv
import json
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from mmmap.errors import InputError, UserError


def dtype_of(args: argparse.Namespace) -> torch.dtype:
    """What ``--dtype`` names."""
    return dict(fp32=torch.float32, bf16=torch.bfloat16)[args.dtype]


def start(args: argparse.Namespace, compared: str) -> None:
    """Check the options, set threads and print what is measured, on what."""
    if args.out and args.out.suffix not in ('.csv', '.json'):
        raise InputError(f'--out must end in .csv or .json, got {args.out}')
    if args.device.startswith('cuda') and not torch.cuda.is_available():
        raise InputError('--device cuda, but torch finds no GPU; use cpu')
    if args.threads:
        torch.set_num_threads(args.threads)
    print(f'{compared}\n{_machine(args.device)}\n', flush=True)


def _machine(device: str) -> str:
    name = (
        torch.cuda.get_device_name(device)
        if device.startswith('cuda')
        else f'{_cpu()}, {torch.get_num_threads()} threads'
    )
    return f'torch {torch.__version__} on {name}'


def _cpu() -> str:
    path = Path('/proc/cpuinfo')
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line for line in lines if line.startswith('model name')]
    return names[0].split(': ')[1] if names else platform.processor()


def interleaved(
    calls: dict[str, Callable[[], object]],
    rounds: int,
    device: str,
    limit: float = 30.0,
) -> dict[str, list[float]]:
    """Seconds of each call, by name.

    Each round makes every call once, so that other load on the machine slows
    all of them alike. The first round does not count, and a call that has
    taken ``limit`` seconds in all is not repeated.
    """
    seconds = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            if sum(seconds[name]) > limit:
                continue
            _wait(device)
            begin = time.perf_counter()
            call()
            _wait(device)
            seconds[name].append(time.perf_counter() - begin)
    return {name: times[1:] or times for name, times in seconds.items()}


def _wait(device: str) -> None:
    if device.startswith('cuda'):
        torch.cuda.synchronize(device)


def median_and_spread(seconds: list[float]) -> tuple[float, float]:
    """The median, and half the distance between the quartiles."""
    if len(seconds) < 2:
        return seconds[0], 0.0
    low, middle, high = statistics.quantiles(seconds, n=4, method='inclusive')
    return middle, (high - low) / 2


def peak_memory(
    call: Callable[[], object], warm_up: Callable[[], object], device: str
) -> int:
    """Bytes by which memory grows, at most, while ``call`` runs.

    On a GPU, what torch allocates; on the CPU, the resident set of a separate
    process, as Linux reports it. Call it before any computation, because a
    process with threads cannot be forked safely.

    Args:
        call: What is measured.
        warm_up: A smaller call that runs first, to load the code.
        device: As torch names it.
    """
    if device.startswith('cuda'):
        warm_up()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return torch.cuda.max_memory_allocated(device) - before
    context = multiprocessing.get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_report_growth, args=(call, warm_up, sender)
    )
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError as error:
        raise UserError('the measured process died, see above') from error
    finally:
        process.join()


def _report_growth(call, warm_up, sender) -> None:
    warm_up()
    before = _resident('VmRSS')
    call()
    sender.send(_resident('VmHWM') - before)


def _resident(name: str) -> int:
    """Bytes: ``VmRSS``, resident now; ``VmHWM``, the most there ever was."""
    status = Path('/proc/self/status').read_text()
    line = next(x for x in status.splitlines() if x.startswith(name))
    return int(line.split()[1]) * 1024


def print_row(cells: dict) -> None:
    """One line of a table, printed as soon as it is known."""
    text = (f'{name} {value!s:>8}' for name, value in cells.items())
    print('  ', '  '.join(text), flush=True)


def write(rows: list[dict], path: Path | None, device: str) -> None:
    """Write the rows as CSV, or as JSON with the machine."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.json':
        content = dict(machine=_machine(device), rows=rows)
        path.write_text(json.dumps(content, indent=2) + '\n')
    else:
        with open(path, 'w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    print(f'\nwritten: {path}')
