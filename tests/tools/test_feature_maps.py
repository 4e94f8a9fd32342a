import cv2
import pytest
import torch

from mmmap.engine.trained_models import open_backbone
from tests.helpers import load_tool
from tests.models.tiny_mamba_vision import ARCH, tiny_mamba_vision

# A config, a checkpoint and pictures.
from tests.tools.test_reconstruct import CONFIG, scene  # noqa: F401

tool = load_tool('analysis_tools/feature_maps.py')


def run(scene, *options, images='photos'):  # noqa: F811
    return tool.main(
        [
            *(str(scene / 'config.py'), str(scene / 'epoch_1.pth')),
            *('--images', str(scene / images), '--out', str(scene / 'out')),
            *options,
        ]
    )


def pictures(folder):
    return {p.name: cv2.imread(str(p)) for p in sorted(folder.iterdir())}


def test_a_picture_each_and_the_receptive_field(scene, capsys):  # noqa: F811
    assert run(scene, '--size', '22', '30', '--token', '1', '2') == 0
    out = capsys.readouterr().out
    assert 'block 2, attention: half of the gradient in' in out
    drawn = pictures(scene / 'out')
    assert list(drawn) == [
        '0000_a.png',
        '0001_b.png',
        '0002_c.png',
        'receptive_field.png',
    ]
    assert all(x.std() > 20 and min(x.shape[:2]) > 400 for x in drawn.values())
    assert (drawn['0000_a.png'] != drawn['0001_b.png']).any()


def test_same_again_and_chosen_depths(scene):  # noqa: F811
    seen = []
    for depths in (('2', '0'), ('2', '0'), ('1',)):
        assert run(scene, '--depths', *depths, images='photos/a.jpg') == 0
        seen.append(pictures(scene / 'out'))
    one, same, other = (x['0000_a.png'] for x in seen)
    assert (one == same).all()
    # No attention, no second row.
    assert other.shape[0] < 0.7 * one.shape[0]


def test_mamba_vision(scene):  # noqa: F811
    (scene / 'config.py').write_text(
        "model = dict(type='ImageClassifier', backbone=dict(\n"
        f"    type='MambaVision', arch={ARCH!r}))\n"
        'data_preprocessor = dict(mean=[100.] * 3, std=[50.] * 3)\n'
    )
    weights = tiny_mamba_vision(seed=3).state_dict()
    torch.save(dict(state_dict=weights), scene / 'epoch_1.pth')
    assert run(scene, '--size', '64', images='photos/a.jpg') == 0
    assert len(pictures(scene / 'out')) == 2


def test_images_are_normalised_as_the_config_says(scene):  # noqa: F811
    _, normalise = open_backbone(scene / 'config.py', scene / 'epoch_1.pth')
    grey = torch.full((3, 2, 2), 100, dtype=torch.uint8)
    grey[0] = 0  # blue
    (done,) = normalise(dict(inputs=[grey]))['inputs']
    expected = [(100 - 123.675) / 58.395, (100 - 116.28) / 57.12]
    expected += [-103.53 / 57.375]
    torch.testing.assert_close(done[:, 0, 0], torch.tensor(expected))


def broken(scene, change):  # noqa: F811
    path = scene / 'epoch_1.pth'
    content = torch.load(path)
    change(content)
    torch.save(content, path)


def poison(content):
    content['state_dict']['backbone.layers.0.norm.weight'][:] = torch.nan


def rename(content):
    weights = content['state_dict']
    content['state_dict'] = {f'other.{k}': v for k, v in weights.items()}


def record(content):
    backbone = dict(type='HybridNet', attention='residual')
    content['meta'] = dict(cfg=f'model = {dict(backbone=backbone)}')


@pytest.mark.parametrize(
    ('prepare', 'options', 'message'),
    [
        (lambda s: None, ('--depths', '3'), 'depths must be from 0 to 2'),
        (lambda s: None, ('--token', '4', '0'), 'no token (4, 0)'),
        (lambda s: None, ('--size', '0'), 'must be positive'),
        (lambda s: None, ('--size', '3'), 'smaller than a 4x4 patch'),
        (lambda s: broken(s, poison), (), 'not finite'),
        (lambda s: broken(s, rename), (), 'does not fit HybridNet'),
        (lambda s: broken(s, record), (), "backbone.attention='residual'"),
        (lambda s: (s / 'epoch_1.pth').unlink(), (), 'no checkpoint at'),
        (lambda s: (s / 'config.py').unlink(), (), 'no config at'),
        (lambda s: (s / 'config.py').write_text('x = ='), (), 'not a config'),
        (lambda s: (s / 'config.py').write_text('x = 1'), (), 'has no model'),
        (
            lambda s: (s / 'config.py').write_text(
                "model = dict(type='MAP', backbone=dict(type='Nothing'))"
            ),
            (),
            'Nothing is not in the mmpretrain',
        ),
        (
            lambda s: (s / 'config.py').write_text(
                CONFIG.format(type='MAP').replace('MMT', 'MTT')
            ),
            (),
            'does not fit HybridNet',
        ),
        (
            lambda s: (s / 'photos/more/c.PNG').write_text('x'),
            (),
            'c.PNG is not an image',
        ),
    ],
)
def test_what_cannot_be_used(scene, capsys, prepare, options, message):  # noqa: F811
    prepare(scene)
    assert run(scene, *options) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert error.count('\n') == 1
    assert message in error
    assert not (scene / 'out').exists()


def test_no_images(scene, capsys):  # noqa: F811
    (scene / 'empty').mkdir()
    assert run(scene, images='empty') == 1
    assert 'empty has no images' in capsys.readouterr().err
