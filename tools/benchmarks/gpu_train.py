"""Pretrain and fine-tune on photographs for a few minutes with a study.

A slice of ``gpu_report.py``. It compares MAP, MAE and no pretraining, see
``configs/study/imagenette_minutes.yml``, and adds a row when a task ends. An
interrupted study continues where it stopped.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from gpu_rows import ROOT, Row, measure_all, parser

TABLE = 'configs/study/imagenette_minutes.yml'
JOBS = 3


def command(args) -> list[str]:
    """The study."""
    return [
        *(sys.executable, str(ROOT / 'tools/study.py'), str(args.table)),
        *('--data-root', str(args.data_root), '--out', str(args.out)),
        *('--jobs', str(JOBS)),
    ]


def results(args) -> dict[str, dict]:
    """Finished runs, by key."""
    found = {}
    for path in sorted((args.out / 'runs').glob('*.json')):
        # Only complete files have this name.
        run = json.loads(path.read_text(encoding='utf-8'))
        key = f'{run["row"]}, {run["task"]}, seed {run["seed"]}'
        found[key] = dict(
            metric=run['metric'],
            value=run['value'],
            trained_s=run['seconds'],
        )
    return found


def rows(args):
    """A row for each finished run, including those of an earlier study."""
    log = args.out / 'study.log'
    args.out.mkdir(parents=True, exist_ok=True)
    with open(log, 'ab') as file:
        process = subprocess.Popen(
            command(args), stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    reported = set()
    while True:
        ended = process.poll() is not None
        for key, values in results(args).items():
            if key not in reported:
                reported.add(key)
                yield Row(key, lambda values=values: values)
        if ended:
            break
        time.sleep(1)
    if process.returncode:
        text = log.read_text(encoding='utf-8', errors='replace')
        raise SystemExit('\n'.join(text.splitlines()[-15:]))


def main() -> None:
    """Run the command line."""
    options = parser(__doc__)
    options.add_argument('--data-root', type=Path, required=True)
    options.add_argument('--out', type=Path, required=True)
    options.add_argument('--table', type=Path, default=ROOT / TABLE)
    args = options.parse_args()
    measure_all(rows(args), args)


if __name__ == '__main__':
    main()
