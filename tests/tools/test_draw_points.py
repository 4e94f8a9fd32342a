import cv2
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

from tests.datasets.points.made import parts, save
from tests.helpers import REPO, load_tool
from tests.tools.tiny_configs import point_map_config

tool = load_tool('analysis_tools/draw_points.py')

PARTS = """
_base_ = '{repo}/configs/points/demo/parts_parts19_scratch.py'
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True, embed_dims=16, pattern='MMT', num_heads=2,
            d_state=4),
        num_groups=12, group_size=6, out_indices=(0, 2)),
    head=dict(
        num_parts=4, num_categories=2, in_channels=16, num_depths=2,
        channels=(12, 10)))
val_dataloader = dict(dataset=dict(data_root={root!r}))
"""


@pytest.fixture(params=['reconstruction', 'parts'])
def scene(request, tmp_path):
    """A config, its data, a checkpoint, and the name of what is drawn."""
    path = tmp_path / 'config.py'
    if request.param == 'parts':
        save(tmp_path / 'parts19_2048.npz', parts())
        path.write_text(PARTS.format(repo=REPO, root=str(tmp_path)))
    else:
        point_map_config(path, tmp_path)
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(path).model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'epoch_1.pth')
    return tmp_path, request.param


def run(folder, *rest):
    out = ['--out', str(folder / 'out')]
    files = [str(folder / name) for name in ('config.py', 'epoch_1.pth')]
    return tool.main([*files, *out, *rest])


def test_pictures_and_page(scene, capsys):
    folder, stem = scene
    assert run(folder, '--number', '2', '--html') == 0
    picture = cv2.imread(str(folder / f'out/{stem}.png'))
    columns = 4 if stem == 'reconstruction' else 3
    assert picture.shape == (780, 26 + 312 * columns, 3)
    page = (folder / f'out/{stem}.html').read_text()
    names = ['ball 0', 'cube 19'] if columns == 4 else ['A 0', 'B 1']
    for name in names:
        assert f'"name": "{name}"' in page
    assert capsys.readouterr().out.splitlines() == [
        str(folder / f'out/{stem}.png'),
        str(folder / f'out/{stem}.html'),
    ]


def test_same_seed_same_picture_and_no_page_unasked(scene):
    folder, stem = scene
    pictures = []
    for _ in range(2):
        assert run(folder, '--number', '1', '--seed', '3') == 0
        pictures.append(cv2.imread(str(folder / f'out/{stem}.png')))
    assert (pictures[0] == pictures[1]).all()
    assert len(list((folder / 'out').iterdir())) == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--split', 'test', '--number', '0'), '0 clouds of the test split'),
        (('--data-root', 'nowhere'), 'nowhere: does not exist'),
    ],
)
def test_what_cannot_be_used(scene, capsys, options, message):
    folder, _ = scene
    assert run(folder, *options) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert 'Traceback' not in error
    assert message in error
    assert not (folder / 'out').exists()


def test_checkpoint_of_an_encoder_alone(scene, capsys):
    folder, _ = scene
    path = folder / 'epoch_1.pth'
    weights = torch.load(path)['state_dict']
    kept = {k: v for k, v in weights.items() if k.startswith('backbone.')}
    torch.save(dict(state_dict=kept), path)
    assert run(folder) == 1
    error = capsys.readouterr().err
    assert 'an encoder alone' in error or 'missing (head.' in error


def test_model_of_images(tmp_path, capsys):
    config = REPO / 'configs/study/map_digits.py'
    (tmp_path / 'train').mkdir()
    run = [str(config), 'none.pth', '--out', str(tmp_path)]
    assert tool.main(run) == 1
    assert 'error: ' in capsys.readouterr().err
