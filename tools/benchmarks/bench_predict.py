"""Time prediction on small images, and mmsegmentation's inferencer.

Example::

    python tools/benchmarks/bench_predict.py RUN IMAGES --rounds 5

RUN was written by ``mmmap segment``. Both write class maps and pictures of all
images, in turns, in one process; loading the model is not counted.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from mmmap import cli


def parse_args(argv=None):
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('run', type=Path, help='folder of a run')
    parser.add_argument('images', type=Path, help='folder of images')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--batch', type=int, default=16, help='of theirs')
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmseg.apis import MMSegInferencer

from mmmap.commands import opened, predicting, runs
from mmmap.datasets.image_folders import images_in


def ours(predictor, files, out) -> None:
    """Predict as ``mmmap predict`` does."""
    bad = predicting._predict_all(predictor, files, Path(out), True)
    assert not bad


def theirs(inferencer, files, out, batch) -> None:
    """Predict with mmseg's own pipeline and writing."""
    inferencer(files, out_dir=out, batch_size=batch)


def timed(function, *args) -> float:
    """Time a call that writes into a new folder."""
    with tempfile.TemporaryDirectory() as out:
        begin = time.perf_counter()
        with runs.quiet():
            function(*args[:2], out, *args[2:])
        return time.perf_counter() - begin


def measure(args: argparse.Namespace) -> None:
    """Both in turns; print seconds and the ratio of each round."""
    checkpoint = opened.model_file(args.run, None)
    predictor = opened.open_predictor(args.run, checkpoint)
    with runs.quiet():
        inferencer = MMSegInferencer(
            str(args.run / opened.CONFIG), str(checkpoint), device='cpu'
        )
        inferencer.show_progress = False
    named = predicting.find_images(args.images)
    files = list(map(str, images_in(args.images)))
    ratios = []
    for number in range(args.rounds):
        pair = [
            lambda: timed(ours, predictor, named),
            lambda: timed(theirs, inferencer, files, args.batch),
        ]
        order = (0, 1) if number % 2 else (1, 0)
        seconds = {k: pair[k]() for k in order}
        ratios.append(seconds[0] / seconds[1])
        print(
            f'{len(files)} images: mmmap {seconds[0]:.1f} s, mmseg '
            f'{seconds[1]:.1f} s, ratio {ratios[-1]:.2f}',
            flush=True,
        )
    print(f'median ratio {statistics.median(ratios):.2f}')


main = cli.command(parse_args, measure)

if __name__ == '__main__':
    sys.exit(main())
