"""Rows of a GPU report, measured one by one.

A slice is a program. It prints a JSON line when a row begins, and another one
with what was measured, so that ``gpu_report.py`` knows which row hangs or
crashes, and keeps all others. Rows that are in the results already are not
measured again, unless the package has changed since.
"""

import argparse
import gc
import hashlib
import json
import re
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
# Whose kernels are measured.
PACKAGES = ('torch', 'triton', 'mamba-ssm', 'causal-conv1d')


class Row(NamedTuple):
    """One measurement.

    Attributes:
        key: Its identifier within the slice.
        measure: Returns its values by name. A value of several lines is
            shown below the table.
    """

    key: str
    measure: Callable[[], dict]


def source() -> str:
    """A digest of the package and of what it is compared with.

    Results of other versions are not reused.
    """
    digest = hashlib.sha256()
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            digest.update(f'{name} {version(name)}'.encode())
    for path in sorted((ROOT / 'mmmap').rglob('*')):
        if path.suffix in ('.py', '.cu', '.cuh', '.cpp', '.h', '.inc'):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def read(results: Path) -> list[dict]:
    """The rows of a file, without a truncated line."""
    rows = []
    if results.is_file():
        for line in results.read_text(encoding='utf-8').splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return rows


def finished(results: Path, name: str) -> set[str]:
    """Keys of the rows of a slice that need not be measured."""
    now = source()
    return {
        row['key']
        for row in read(results)
        if row['slice'] == name and row['source'] == now
    }


def parser(description: str) -> argparse.ArgumentParser:
    """Options of every slice."""
    made = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument('name', help='of the slice')
    made.add_argument('--device', default='cuda')
    made.add_argument(
        '--quick', action='store_true', help='small sizes, seconds on a CPU'
    )
    made.add_argument(
        '--results',
        type=Path,
        help='do not measure rows that are in this file',
    )
    made.add_argument('--rows', default='', help='a regular expression')
    return made


def measure_all(rows: Iterable[Row], args: argparse.Namespace) -> None:
    """Measure rows in order; one that fails is a row with an error."""
    done = finished(args.results, args.name) if args.results else set()
    for row in rows:
        if row.key in done or not re.search(args.rows, row.key):
            continue
        done.add(row.key)
        _say(begin=row.key)
        started = time.perf_counter()
        try:
            values = row.measure()
        except Exception as error:  # whatever a kernel raises
            traceback.print_exc(file=sys.stderr)
            values = dict(error=short(error))
        seconds = round(time.perf_counter() - started, 1)
        _say(key=row.key, **values, seconds=seconds)
        _clean(args.device)


def short(error: Exception) -> str:
    """An error in one line."""
    lines = str(error).strip().splitlines() or ['']
    return f'{type(error).__name__}: {lines[0]}'[:300]


def _say(**row) -> None:
    print(json.dumps(row), flush=True)


def _clean(device: str) -> None:
    """Release memory; end the program if the GPU is unusable."""
    gc.collect()
    if device.startswith('cuda'):
        import torch

        try:
            torch.cuda.synchronize(device)
            torch.cuda.empty_cache()
        except RuntimeError as error:
            sys.exit(f'error: the GPU is unusable now: {error}')


def median_ms(call: Callable[[], object], device: str) -> float:
    """Median milliseconds of a call; on a GPU with a cold cache."""
    if device.startswith('cuda'):
        from triton.testing import do_bench

        return do_bench(call, warmup=10, rep=60, return_mode='median')
    call()
    times = []
    for _ in range(3):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times)


def device_ms(call: Callable[[], object], device: str) -> float:
    """Median milliseconds of a call's kernels, without their launches.

    They are recorded in a CUDA graph and replayed. On a CPU as
    ``median_ms``.
    """
    if not device.startswith('cuda'):
        return median_ms(call, device)
    from triton.testing import do_bench_cudagraph

    return do_bench_cudagraph(call, rep=40, return_mode='median')


def graphed(step: Callable[[], object]) -> Callable[[], object]:
    """A step recorded in a CUDA graph; calling it replays its kernels."""
    import torch

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def step_ms(step: Callable[[], object], device: str, count: int) -> float:
    """Median milliseconds of a training step, after two of warm-up."""
    import torch

    def wait():
        if device.startswith('cuda'):
            torch.cuda.synchronize(device)

    times = []
    for _ in range(count + 2):
        wait()
        started = time.perf_counter()
        step()
        wait()
        times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times[2:])


def peak_mib(step: Callable[[], object], device: str) -> float | None:
    """The most MiB that torch allocates in a call; unknown on a CPU."""
    import torch

    if not device.startswith('cuda'):
        return None
    torch.cuda.reset_peak_memory_stats(device)
    step()
    return round(torch.cuda.max_memory_allocated(device) / 2**20)
