"""Show what pretraining is for: many images, but few labels.

Scenes are composed of photographs that come with Python packages. A small
HybridNet is pretrained on 4,000 of them with MAP, without labels. UPerNet is
trained on 10 labelled scenes, Mask R-CNN on 20, each from that checkpoint and
from scratch, and tested on 200 other scenes.

    python tools/demo.py --work-dir work_dirs/demo

Finished steps are not repeated: after an interruption, the same command
continues from the last checkpoint.
"""

import argparse
import json
import pickle
import sys
import time
from pathlib import Path

from mmmap import cli
from mmmap.errors import InputError


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = cli.command_parser(__doc__)
    parser.add_argument('--work-dir', type=Path, default='work_dirs/demo')
    parser.add_argument(
        '--epochs', type=int, help='of every training, for a quick look'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='of scenes and trainings'
    )
    args = parser.parse_args(argv)
    if args.epochs is not None and args.epochs < 1:
        parser.error(f'--epochs is {args.epochs}, expected 1 or more')
    if not 0 <= args.seed < 2**32:
        parser.error(f'--seed is {args.seed}, expected 0 to {2**32 - 1}')
    return args


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from demo_page import TASKS, report, results_of, table
from experiments.side_by_side import Progress, Stage, Step, run_stage
from mmengine.config import Config

from mmmap.datasets.mosaics import HELD_OUT, THINGS
from mmmap.visualization import detection_figure, segmentation_figure
from mmmap.visualization.images import save_text

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs' / 'demo'
PRETRAINING = 'map_mosaics'
RATIOS = (0.25, 0.5, 0.75)  # mask ratios of the pictures of completed images


class Demo:
    """The folders and the steps of a demo.

    Args:
        work_dir: Folder of all results.
        epochs: Epochs of every training, by default those of the configs.
        seed: Of the scenes and of every training.
    """

    def __init__(
        self, work_dir: Path, epochs: int | None = None, seed: int = 0
    ) -> None:
        self.work_dir = work_dir.resolve()
        self.data = self.work_dir / 'data'
        self.pictures = self.work_dir / 'pictures'
        self.epochs, self.seed = epochs, seed

    def claim(self) -> None:
        """Use the folder, unless it holds another demo.

        Raises:
            InputError: It does.
        """
        self.work_dir.mkdir(parents=True, exist_ok=True)
        file = self.work_dir / 'settings.json'
        own = {'epochs': self.epochs, 'seed': self.seed}
        found = json.loads(file.read_text()) if file.is_file() else own
        if found != own:
            raise InputError(
                f'{self.work_dir} holds a demo with {found}, this one '
                f'has {own}; name another folder with --work-dir'
            )
        save_text(file, json.dumps(own))

    def stages(self) -> list[Stage]:
        """The commands; both tasks from one start run one after the other."""
        write = [ROOT / 'tools/dataset_converters/make_mosaics.py', self.data]
        scenes = Step(
            'write scenes',
            [*write, '--seed', self.seed],
            10,
            (self.data / 'meta.json').is_file,
        )
        pretraining = self._train(
            'MAP pretraining, no labels', PRETRAINING, 150, self.data
        )
        return [
            [[scenes]],
            [[pretraining]],
            [
                [self._complete(), *self._tasks('MAP')],
                self._tasks('scratch'),
            ],
        ]

    def _tasks(self, start: str) -> list[Step]:
        """Training and test of both tasks."""
        steps = []
        for task in TASKS:
            name, data = task.configs[start], self.data / task.data
            # Tested only once, by the next step.
            options = ['train_cfg.val_interval=1000']
            if start == 'MAP':
                last = self._last(PRETRAINING)
                options.append(f'model.backbone.init_cfg.checkpoint={last}')
            title = f'{task.model} from {start}'
            steps += [
                self._train(title, name, task.seconds, data, *options),
                self._test(f'test {title}', name, data),
            ]
        return steps

    def _train(self, title, name, seconds, data, *options) -> Step:
        work_dir = self.work_dir / name
        options = [f'randomness.seed={self.seed}', *options]
        if self.epochs:
            options.append(f'train_cfg.max_epochs={self.epochs}')
        argv = [ROOT / 'tools/train.py', CONFIGS / f'{name}.py', '--resume']
        argv += ['--work-dir', work_dir, '--data-root', data]
        argv += ['--cfg-options', *options]
        return Step(title, argv, seconds, lambda: self._trained(name))

    def _test(self, title, name, data) -> Step:
        work_dir, last = self.work_dir / name, self._last(name)
        dump = work_dir / 'predictions.pkl'
        argv = [ROOT / 'tools/test.py', CONFIGS / f'{name}.py', last]
        argv += ['--work-dir', work_dir / 'test', '--out', dump]
        argv += ['--data-root', data]
        return Step(title, argv, 10, lambda: _newer(dump, last))

    def _complete(self) -> Step:
        """Draw how MAP completes images of which it sees a part."""
        last = self._last(PRETRAINING)
        argv = [ROOT / 'tools/analysis_tools/reconstruct.py']
        argv += [CONFIGS / f'{PRETRAINING}.py', last, self.data / 'held_out']
        argv += ['--out', self.pictures / 'completed', '--tiles', '--means']
        argv += ['--mask-ratio', *RATIOS]
        return Step(
            'complete held-out images',
            argv,
            10,
            lambda: all(_newer(path, last) for path in self.completed()),
        )

    def completed(self) -> list[Path]:
        """The pictures of completed images."""
        names = (f'0000_{HELD_OUT.name}', '0001_scenes')
        return [self.pictures / f'completed/{name}.png' for name in names]

    def _last(self, name: str) -> Path:
        """The checkpoint that a finished training leaves."""
        config = Config.fromfile(CONFIGS / f'{name}.py')
        epochs = self.epochs or config.train_cfg.max_epochs
        return self.work_dir / name / f'epoch_{epochs}.pth'

    def _trained(self, name: str) -> bool:
        # Written after the checkpoint it names, which is complete then.
        last = self._last(name)
        marker = last.parent / 'last_checkpoint'
        return (
            marker.is_file()
            and Path(marker.read_text()).name == last.name
            and last.is_file()
        )

    def draw(self) -> list[Path]:
        """The pictures, those of completed images first."""
        segmentor, detector = (task.configs for task in TASKS)
        segmentation = self.pictures / 'segmentation.png'
        config = Config.fromfile(CONFIGS / f'{segmentor["MAP"]}.py')
        segmentation_figure(
            self._dumps(segmentor),
            config.classes,
            config.palette,
            segmentation,
        )
        detection = self.pictures / 'detection.png'
        detection_figure(self._dumps(detector), THINGS, detection)
        return [*self.completed(), segmentation, detection]

    def _dumps(self, configs: dict[str, str]) -> dict[str, list[dict]]:
        dumps = {}
        for start, name in configs.items():
            path = self.work_dir / name / 'predictions.pkl'
            with open(path, 'rb') as file:
                dumps[f'from {start}'] = pickle.load(file)
        return dumps


def _newer(path: Path, other: Path) -> bool:
    return path.is_file() and path.stat().st_mtime >= other.stat().st_mtime


def run(args: argparse.Namespace) -> None:
    """Run unfinished steps, then draw and print the results.

    Raises:
        UserError: The folder holds another demo, or a command failed.
    """
    demo = Demo(args.work_dir, args.epochs, args.seed)
    demo.claim()
    start = time.time()
    stages = demo.stages()
    progress = Progress(stages)
    for stage in stages:
        run_stage(stage, demo.work_dir / 'logs', progress)
    pictures, results = demo.draw(), results_of(demo.work_dir)
    text = table(results)
    save_text(demo.work_dir / 'results.md', f'{text}\n')
    page = report(demo.work_dir, results, pictures)
    print(
        f'\n{text}\n\npictures, curves and what they mean: {page}\n'
        f'results, checkpoints and logs: {demo.work_dir}\n'
        f'time: {(time.time() - start) / 60:.1f} min'
    )


main = cli.command(parse_args, run)

if __name__ == '__main__':
    sys.exit(main())
