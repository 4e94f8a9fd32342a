"""The whole system in small, on data that is made on the spot.

Digit scenes are written; a small HybridNet is pretrained on them with MAP,
without labels; UPerNet and Mask R-CNN are fine-tuned from it, UPerNet also
from scratch with the same budget; all are tested with the libraries' metrics.

    python tools/demo.py --work-dir work_dirs/demo

What is finished is not done again: after an interruption, the same command
goes on from the last checkpoint.
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
    return parser.parse_args(argv)


if __name__ == '__main__':
    cli.start(parse_args)  # before the imports below, which take seconds

from mmengine.config import Config
from side_by_side import Progress, Stage, Step, run_stage

from mmmap.visualization import detection_figure, segmentation_figure

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs' / 'demo'


class Demo:
    """Where everything lies and what is to be run.

    Args:
        work_dir: Folder of all results.
        epochs: Epochs of every training, by default those of the configs.
    """

    def __init__(self, work_dir: Path, epochs: int | None = None) -> None:
        self.work_dir = work_dir.resolve()
        self.data = self.work_dir / 'data'
        self.pictures = self.work_dir / 'pictures'
        self.epochs = epochs

    def claim(self) -> None:
        """Take the folder, unless it holds a demo of other lengths.

        Raises:
            InputError: It does.
        """
        self.work_dir.mkdir(parents=True, exist_ok=True)
        file, own = self.work_dir / 'settings.json', {'epochs': self.epochs}
        found = json.loads(file.read_text()) if file.is_file() else own
        if found != own:
            raise InputError(
                f'{self.work_dir} holds a demo with {found}, this one '
                f'has {own}; name another folder with --work-dir'
            )
        file.write_text(json.dumps(own))

    def stages(self) -> list[Stage]:
        """The commands; what starts from the same checkpoint, side by side."""
        map_dir = self.work_dir / 'map_digits'
        pretrained = (
            f'model.backbone.init_cfg.checkpoint={self._last(map_dir)}'
        )
        segment, detect = f'{self.data}/ade_like', f'{self.data}/coco_like'
        scenes = Step(
            'write digit scenes',
            [
                ROOT / 'tools/dataset_converters/make_digit_scenes.py',
                self.data,
            ],
            25,
            (self.data / 'meta.json').is_file,
        )
        pretraining = self._train(
            'MAP pretraining, no labels',
            'map_digits',
            140,
            f'{self.data}/imagenet_like',
        )
        segmentation = [
            self._train(
                'UPerNet from MAP', 'upernet_digits', 180, segment, pretrained
            ),
            self._train(
                'UPerNet from scratch', 'upernet_digits_scratch', 180, segment
            ),
            self._test('test UPerNet from MAP', 'upernet_digits', segment),
            self._test(
                'test UPerNet from scratch', 'upernet_digits_scratch', segment
            ),
        ]
        detection = [
            self._train(
                'Mask R-CNN from MAP',
                'mask-rcnn_digits',
                220,
                detect,
                pretrained,
            ),
            self._test('test Mask R-CNN', 'mask-rcnn_digits', detect),
        ]
        return [[[scenes]], [[pretraining]], [segmentation, detection]]

    def _train(self, title, name, seconds, data, *options) -> Step:
        work_dir = self.work_dir / name
        options = list(options)
        if self.epochs:
            options.append(f'train_cfg.max_epochs={self.epochs}')
        argv = [ROOT / 'tools/train.py', CONFIGS / f'{name}.py', '--resume']
        argv += ['--work-dir', work_dir, '--data-root', data]
        argv += ['--cfg-options', *options] if options else []
        return Step(title, argv, seconds, lambda: self._trained(work_dir))

    def _test(self, title, name, data) -> Step:
        work_dir = self.work_dir / name
        dump = work_dir / 'predictions.pkl'
        argv = [ROOT / 'tools/test.py', CONFIGS / f'{name}.py']
        argv += [self._last(work_dir), '--work-dir', work_dir / 'test']
        argv += ['--out', dump, '--show-dir', self.pictures / name]
        argv += ['--data-root', data]
        return Step(
            title, argv, 20, lambda: _newer(dump, self._last(work_dir))
        )

    def _last(self, work_dir: Path) -> Path:
        """The checkpoint that a finished training leaves."""
        config = Config.fromfile(CONFIGS / f'{work_dir.name}.py')
        epochs = self.epochs or config.train_cfg.max_epochs
        return work_dir / f'epoch_{epochs}.pth'

    def _trained(self, work_dir: Path) -> bool:
        # Written after the checkpoint it names, which is whole then.
        marker, last = work_dir / 'last_checkpoint', self._last(work_dir)
        return (
            marker.is_file()
            and Path(marker.read_text()).name == last.name
            and last.is_file()
        )

    def results(self) -> dict[str, dict[str, float]]:
        """Metrics of each tested model, as the libraries wrote them."""
        names = ('upernet_digits', 'upernet_digits_scratch')
        return {
            name: _metrics(self.work_dir / name / 'test')
            for name in (*names, 'mask-rcnn_digits')
        }

    def draw(self) -> list[Path]:
        """The overview pictures."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        segmentation = self.pictures / 'segmentation.png'
        config = Config.fromfile(CONFIGS / 'upernet_digits.py')
        segmentation_figure(
            {
                'from MAP': self._dump('upernet_digits'),
                'from scratch': self._dump('upernet_digits_scratch'),
            },
            config.classes,
            config.palette,
            segmentation,
        )
        detection = self.pictures / 'detection.png'
        config = Config.fromfile(CONFIGS / 'mask-rcnn_digits.py')
        detection_figure(
            self._dump('mask-rcnn_digits'), config.classes, detection
        )
        reconstruction = self.pictures / 'reconstruction.png'
        drawn = self.work_dir.glob('map_digits/*/vis_data/vis_image/*.png')
        last = max(drawn, key=lambda path: path.stat().st_mtime)
        reconstruction.write_bytes(last.read_bytes())
        return [reconstruction, segmentation, detection]

    def _dump(self, name: str) -> list[dict]:
        path = self.work_dir / name / 'predictions.pkl'
        with open(path, 'rb') as file:
            return pickle.load(file)


def _newer(path: Path, other: Path) -> bool:
    return path.is_file() and path.stat().st_mtime >= other.stat().st_mtime


def _metrics(test_dir: Path) -> dict[str, float]:
    """The metrics of the newest test in a folder."""
    files = sorted(test_dir.glob('*/*.json'))
    return json.loads(files[-1].read_text())


def table(results: dict[str, dict[str, float]]) -> str:
    """The results in Markdown, with what pretraining brought."""
    ours = results['upernet_digits']['mIoU']
    scratch = results['upernet_digits_scratch']['mIoU']
    detector = results['mask-rcnn_digits']
    gain = ours - scratch
    verdict = (
        f'MAP pretraining brought {gain:+.1f} mIoU'
        if gain > 0
        else f'MAP pretraining did not help here: {gain:+.1f} mIoU'
    )
    lines = [
        '| model | start | metric | value |',
        '|---|---|---|---|',
        f'| UPerNet | MAP | mIoU | {ours:.1f} |',
        f'| UPerNet | scratch | mIoU | {scratch:.1f} |',
    ]
    for key, name in (('bbox', 'box'), ('segm', 'mask')):
        for metric in ('mAP', 'mAP_50'):
            value = 100 * detector[f'coco/{key}_{metric}']
            label = metric.replace('mAP', 'AP')
            lines.append(
                f'| Mask R-CNN | MAP | {name} {label} | {value:.1f} |'
            )
    return '\n'.join([*lines, '', f'{verdict} (one run of each).'])


def run(args: argparse.Namespace) -> None:
    """Run what is not done yet, then draw and print the results.

    Raises:
        UserError: The folder is of another demo, or a command failed.
    """
    demo = Demo(args.work_dir, args.epochs)
    demo.claim()
    start = time.time()
    stages = demo.stages()
    progress = Progress(stages)
    for stage in stages:
        run_stage(stage, demo.work_dir / 'logs', progress)
    pictures = demo.draw()
    text = table(demo.results())
    (demo.work_dir / 'results.md').write_text(f'{text}\n')
    print(f'\n{text}\n')
    print('pictures:', *(f'  {path}' for path in pictures), sep='\n')
    print(
        f'results, checkpoints and logs: {demo.work_dir}\n'
        f'time: {(time.time() - start) / 60:.1f} min'
    )


def main(argv=None) -> int:
    """Run the command line; return its exit status."""
    return cli.run(run, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
