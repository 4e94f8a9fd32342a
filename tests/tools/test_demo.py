"""The demo: what it would run, and what it makes of the results."""

import json
import shlex
import sys
from html import escape

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmmap.commands.main import parse_args
from mmmap.datasets.mosaics import CLASSES, THINGS
from mmmap.errors import InputError
from tests.helpers import REPO, load_tool

sys.path.insert(0, str(REPO / 'tools'))
demo_page = load_tool('demo_page.py')
demo = load_tool('demo.py')
TRAININGS = [
    name for task in demo_page.TASKS for name in task.configs.values()
]


def results(ours, scratch, box=(0.5, 0.25)):
    """Metrics as the libraries write them."""
    detectors = [
        {'coco/bbox_mAP_50': value, 'coco/segm_mAP_50': value} for value in box
    ]
    segmentors = {'mIoU': ours}, {'mIoU': scratch}
    return dict(zip(TRAININGS, [*segmentors, *detectors], strict=True))


def steps(root, **settings):
    stages = demo.Demo(root, **settings).stages()
    return [step for stage in stages for lane in stage for step in lane]


def test_both_starts_differ_in_the_start_alone():
    for task, rate in zip(demo_page.TASKS, (0.75, 1.0), strict=True):
        ours, scratch = (
            Config.fromfile(REPO / f'configs/demo/{task.configs[start]}.py')
            for start in ('MAP', 'scratch')
        )
        given = ours.model.backbone.pop('init_cfg')
        assert given['checkpoint'] == 'work_dirs/map_mosaics/epoch_15.pth'
        assert scratch.model.backbone.pop('init_cfg') is None
        # Layer-wise rates are for layers that have learnt something.
        for config, decay in ((ours, rate), (scratch, 1.0)):
            rates = config.optim_wrapper.paramwise_cfg
            assert rates.pop('layer_decay_rate') == decay
        assert ours.pretty_text == scratch.pretty_text


@pytest.mark.parametrize('name', ['map_mosaics', *TRAININGS])
def test_configs_fit_the_data(name):
    config = Config.fromfile(REPO / f'configs/demo/{name}.py')
    if 'upernet' in name:
        assert list(config.classes) == CLASSES
        assert len(config.palette) == len(CLASSES)
        assert config.model.decode_head.num_classes == len(CLASSES)
    if 'mask-rcnn' in name:
        data = config.val_dataloader.dataset
        assert list(data.metainfo.classes) == THINGS
        heads = config.model.roi_head
        assert heads.bbox_head.num_classes == len(THINGS)
    backbone = config.model.backbone
    assert (backbone.img_size, backbone.patch_size) == (64, 8)
    assert backbone.pos_embed == 'sincos'


def test_every_training_gets_the_seed_and_its_data(tmp_path):
    found = steps(tmp_path, seed=7, epochs=1)
    trained = [s for s in found if 'train.py' in str(s.argv[0])]
    assert [s.argv[1].stem for s in trained] == ['map_mosaics'] + [
        TRAININGS[i] for i in (0, 2, 1, 3)
    ]
    for step in trained:
        assert step.argv[1].is_file()
        assert '--resume' in step.argv
        assert 'randomness.seed=7' in step.argv
        assert 'train_cfg.max_epochs=1' in step.argv
        start = [a for a in step.argv if 'init_cfg.checkpoint=' in str(a)]
        wanted = step.title.endswith('from MAP')
        assert bool(start) == wanted
        if wanted:
            assert start[0].endswith(f'{tmp_path}/map_mosaics/epoch_1.pth')
    tested = [s.argv for s in found if 'test.py' in str(s.argv[0])]
    assert [argv[1].stem for argv in tested] == [
        TRAININGS[i] for i in (0, 2, 1, 3)
    ]


def test_what_is_finished_is_not_done_again(tmp_path):
    pretraining = steps(tmp_path)[1]
    folder = tmp_path / 'map_mosaics'
    folder.mkdir()
    assert not pretraining.done()
    (folder / 'epoch_9.pth').touch()
    (folder / 'last_checkpoint').write_text(f'{folder}/epoch_9.pth')
    assert not pretraining.done()
    (folder / 'epoch_15.pth').touch()
    assert not pretraining.done()  # it may be half written
    (folder / 'last_checkpoint').write_text(f'{folder}/epoch_15.pth')
    assert pretraining.done()


def test_a_folder_of_another_demo(tmp_path):
    demo.Demo(tmp_path, seed=1).claim()
    demo.Demo(tmp_path, seed=1).claim()
    with pytest.raises(InputError, match="'seed': 1.*'seed': 2"):
        demo.Demo(tmp_path, seed=2).claim()


@pytest.mark.parametrize(
    ('option', 'value'),
    [('epochs', 0), ('epochs', -1), ('seed', -1), ('seed', 2**32)],
)
def test_numbers_out_of_range(option, value, capsys):
    with pytest.raises(SystemExit) as end:
        demo.parse_args([f'--{option}', str(value)])
    assert end.value.code == 2
    assert f'error: --{option} is {value}, expected' in capsys.readouterr().err


def test_the_table_is_computed():
    text = demo_page.table(results(40.25, 35))
    lines = text.splitlines()
    assert lines[2] == '| UPerNet | mIoU | 40.2 | 35.0 | +5.2 |'
    assert lines[3] == '| Mask R-CNN | box AP50 | 50.0 | 25.0 | +25.0 |'
    assert lines[-1] == (
        'MAP pretraining helped: +5.2 mIoU for UPerNet, +25.0 box AP50 for '
        'Mask R-CNN, +25.0 mask AP50 for Mask R-CNN (one run of each).'
    )


@pytest.mark.parametrize(
    ('ours', 'box', 'expected'),
    [
        (30.0, (0.5, 0.25), 'MAP pretraining helped partly: -5.0 mIoU'),
        (30.0, (0.25, 0.5), 'MAP pretraining did not help here: -5.0 mIoU'),
        (35.0, (0.25, 0.25), 'MAP pretraining did not help here: +0.0 mIoU'),
    ],
)
def test_it_says_when_it_goes_the_other_way(ours, box, expected):
    assert expected in demo_page.table(results(ours, 35.0, box))


def test_a_detector_that_found_nothing():
    found = results(40.0, 35.0)
    found[TRAININGS[3]] = {}
    assert '| 50.0 | 0.0 | +50.0 |' in demo_page.table(found)


def test_the_page_shows_all_of_it(tmp_path):
    for number, name in enumerate(['map_mosaics', *TRAININGS]):
        folder = tmp_path / name / '20260101_000000' / 'vis_data'
        folder.mkdir(parents=True)
        lines = [
            json.dumps(dict(loss=3.0 - number / 9 - s / 9, iter=s, step=s))
            for s in (1, 2)
        ]
        (folder / 'scalars.json').write_text('\n'.join(lines))
    pictures = [tmp_path / f'{i}.png' for i in range(4)]
    for picture in pictures:
        cv2.imwrite(str(picture), np.zeros((4, 4, 3), np.uint8))
    page = demo_page.report(tmp_path, results(40.0, 35.0), pictures)
    assert page == tmp_path / 'index.html'
    text = page.read_text()
    assert text.count('<img ') == 4 + 1  # and the curves
    assert '<td>+5.0</td>' in text
    assert 'danielbuechele' in text and 'CC BY 2.0' in text
    assert 'mmmap pretrain photos/' in text
    assert '<script' not in text
    assert 'a quick look' not in text and escape(demo_page.SEEDS) in text
    (tmp_path / 'settings.json').write_text('{"epochs": 2, "seed": 0}')
    demo_page.report(tmp_path, results(40.0, 35.0), pictures)
    text = page.read_text()
    assert 'every training ran for 2 epochs,' in text
    assert escape(demo_page.SEEDS) not in text


def test_the_page_says_what_five_seeds_gave():
    text = (REPO / 'configs/demo/README.md').read_text()
    rows = [line.split('|')[1:-1] for line in text.splitlines()]
    table = {row[0].strip(): row[4:6] for row in rows if len(row) == 7}
    for name in ('UPerNet, mIoU', 'Mask R-CNN, box AP50'):
        mean, error = (cell.strip() for cell in table[name])
        assert f'{mean} ± {error} {name.partition(", ")[2]}' in demo_page.SEEDS


def test_the_commands_for_own_images_name_what_is_there():
    lines = demo_page.OWN_IMAGES.replace('\\\n', '').splitlines()
    commands = [shlex.split(x)[1:] for x in lines if not x.startswith('#')]
    parsed = [parse_args(argv) for argv in commands]
    assert [p.command for p in parsed] == ['pretrain', 'segment', 'predict']


def write_test(work_dir, metrics):
    """Results where the libraries write them."""
    for name, values in metrics.items():
        folder = work_dir / name / 'test/20260101_000000'
        folder.mkdir(parents=True)
        (folder / '20260101_000000.json').write_text(json.dumps(values))


def test_the_table_of_several_seeds(tmp_path, capsys):
    folders = [tmp_path / str(seed) for seed in range(3)]
    pairs = [(41, 40), (44, 41), (46, 41)]
    for folder, (ours, scratch) in zip(folders, pairs):
        write_test(folder, results(ours, scratch))
    demo_page.main([str(folder) for folder in folders])
    line = capsys.readouterr().out.splitlines()[2]
    # Differences 1, 3, 5: deviation 2, error 2 / sqrt(3), ratio 2.6.
    assert line == (
        '| UPerNet, mIoU | 41.0, 44.0, 46.0 | 40.0, 41.0, 41.0 '
        '| 1.0, 3.0, 5.0 | +3.0 | 1.2 | 2.6 |'
    )


def test_one_demo_gives_no_table(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        demo_page.main([str(tmp_path)])
    assert end.value.code == 2
    assert 'the folders of two or more' in capsys.readouterr().err


def test_unfinished_demos_give_no_table(tmp_path, capsys):
    write_test(tmp_path / 'a', results(41.0, 40.0))
    assert demo_page.main([str(tmp_path / name) for name in 'ab']) == 1
    assert 'let tools/demo.py' in capsys.readouterr().err
