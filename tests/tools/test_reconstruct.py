import itertools

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

from mmmap.engine.trained_models import open_model
from mmmap.visualization import method_names
from tests.helpers import load_tool
from tests.models.tiny import tiny_map

tool = load_tool('analysis_tools/reconstruct.py')

CONFIG = """
model = dict(
    type='{type}',
    backbone=dict(
        type='HybridNet',
        arch=dict(embed_dims=16, pattern='MMT', num_heads=2, d_state=4),
        img_size=16, patch_size=4, out_type='raw',
        init_cfg=dict(type='Pretrained', checkpoint='is not looked at')),
    masking=dict(type='RandomMasking', ratio=0.5),
    decoder=dict(
        type='MaskedDecoder', in_channels=16, grid=4, embed_dims=8, depth=2,
        num_heads=2, mlp_ratio=2.0),
    target_generator=dict(type='PixelTarget', patch_size=4),
    head=dict(type='PixelHead', in_channels=8, patch_size=4))
data_preprocessor = dict(
    type='SelfSupDataPreprocessor', bgr_to_rgb=True,
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
"""


@pytest.fixture
def scene(tmp_path):
    """A config, a checkpoint and a folder of pictures."""
    (tmp_path / 'config.py').write_text(CONFIG.format(type='MAP'))
    weights = tiny_map().state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'epoch_1.pth')
    photos = tmp_path / 'photos'
    (photos / 'more').mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in ('b.png', 'a.jpg', 'more/c.PNG'):
        image = random.integers(256, size=(20, 40, 3), dtype=np.uint8)
        cv2.imwrite(str(photos / name), image)
    (photos / 'notes.txt').write_text('no image')
    return tmp_path


def run(scene, *rest, images='photos', out='out'):
    arguments = ['config.py', 'epoch_1.pth', images]
    arguments = [str(scene / name) for name in arguments]
    return tool.main([*arguments, '--out', str(scene / out), *rest])


def pictures(folder):
    return {p.name: cv2.imread(str(p)) for p in sorted(folder.iterdir())}


def column(picture, index):
    """The 16x16 pixels of a column, shown ten times as large."""
    left = index * 164
    return picture[22:182:10, left : left + 160 : 10].astype(int)


def test_a_folder_gives_a_picture_each(scene):
    assert run(scene) == 0
    drawn = pictures(scene / 'out')
    assert list(drawn) == ['0000_a.png', '0001_b.png', '0002_c.png']
    assert {p.shape for p in drawn.values()} == {(186, 492, 3)}


def test_columns_are_input_visible_and_reconstructed(scene):
    white = np.zeros((16, 16, 3), np.uint8)
    white[:, :, 0], white[4:] = 200, 40  # BGR: blue above
    cv2.imwrite(str(scene / 'x.png'), white)
    assert run(scene, images='x.png') == 0
    picture = pictures(scene / 'out')['0000_x.png']
    image, visible, guessed = (column(picture, i) for i in range(3))
    assert abs(image - white.astype(int)).max() <= 1
    grey = (visible == 128).all(-1)
    assert grey.mean() == 0.5
    assert abs(visible - image)[~grey].max() == 0
    assert abs(guessed - image)[~grey].max() == 0


def test_means_of_hidden_patches(scene):
    """A mean of all channels, of the normalised pixels."""
    image = np.random.default_rng(1).integers(256, size=(16, 16, 3))
    cv2.imwrite(str(scene / 'x.png'), image.astype(np.uint8))
    assert run(scene, '--means', images='x.png') == 0
    picture = pictures(scene / 'out')['0000_x.png']
    image, visible, _, means = (column(picture, i) for i in range(4))
    grey = (visible == 128).all(-1)
    assert abs(means - image)[~grey].max() == 0
    # BGR, as the pictures.
    mean = np.array([103.53, 116.28, 123.675])
    std = np.array([57.375, 57.12, 58.395])
    for top, left in itertools.product(range(0, 16, 4), repeat=2):
        patch = np.s_[top : top + 4, left : left + 4]
        if grey[patch].all():
            expected = ((image[patch] - mean) / std).mean() * std + mean
            assert abs(means[patch] - expected).max() <= 1


def test_seed_and_ratio(scene):
    image = 'photos/a.jpg'
    for out, options in {
        'one': ('--seed', '1'),
        'same': ('--seed', '1'),
        'two': ('--seed', '2'),
        'most': ('--mask-ratio', '0.75'),
    }.items():
        assert run(scene, *options, images=image, out=out) == 0
    one, same, two, most = (
        pictures(scene / out)['0000_a.png']
        for out in ('one', 'same', 'two', 'most')
    )
    assert (one == same).all()
    assert (one != two).any()
    grey = (column(most, 1) == 128).all(-1)
    assert grey.mean() == 0.75


def test_a_row_for_each_ratio(scene):
    ratios = ('0.25', '0.75')
    image = 'photos/a.jpg'
    assert run(scene, '--mask-ratio', *ratios, images=image, out='both') == 0
    both = pictures(scene / 'both')['0000_a.png']
    assert both.shape == (22 + 2 * 164, 492, 3)
    for place, ratio in enumerate(ratios):
        assert run(scene, '--mask-ratio', ratio, images=image) == 0
        alone = pictures(scene / 'out')['0000_a.png']
        row = both[22 + 164 * place :][:164]
        assert (row == alone[22:]).all()


def test_tiles_of_a_large_image(scene):
    """Each tile is what the same square gives by itself, at its place."""
    image = np.random.default_rng(1).integers(256, size=(36, 50, 3))
    image = cv2.resize(image[:32, :48].astype(np.uint8), (48, 32))
    cv2.imwrite(str(scene / 'x.png'), image)
    assert run(scene, '--tiles', images='x.png') == 0
    picture = pictures(scene / 'out')['0000_x.png']
    # Three times as large, with a gap and a title.
    assert picture.shape == (22 + 32 * 3 + 4, 3 * (48 * 3 + 4), 3)
    columns = [picture[22:118:3, 148 * i :][:, :144:3] for i in range(3)]
    assert abs(columns[0].astype(int) - image).max() <= 1
    grey = (columns[1] == 128).all(-1)
    for top, left in np.ndindex(2, 3):
        tile = np.s_[16 * top : 16 * top + 16, 16 * left : 16 * left + 16]
        assert grey[tile].mean() == 0.5
    assert (columns[2] == columns[0])[~grey].all()
    assert (columns[2] != columns[0]).any(-1)[grey].mean() > 0.9


def test_an_image_smaller_than_a_tile(scene, capsys):
    cv2.imwrite(str(scene / 'x.png'), np.zeros((15, 40, 3), np.uint8))
    assert run(scene, '--tiles', images='x.png') == 1
    assert 'is 15x40, smaller than a tile of 16x16' in capsys.readouterr().err


def test_the_middle_of_an_image_in_its_proportions(scene):
    image = np.zeros((32, 96, 3), np.uint8)
    image[:, 32:64] = 255
    cv2.imwrite(str(scene / 'x.png'), image)
    tensor = tool.read_image(scene / 'x.png', (16, 16), tool.ImageReader({}))
    assert tensor.shape == (3, 16, 16)
    assert (tensor == 255).all()


def test_an_encoder_alone_cannot_reconstruct(scene, capsys):
    weights = {
        k: v
        for k, v in tiny_map().state_dict().items()
        if k.startswith('backbone.')
    }
    torch.save(dict(state_dict=weights), scene / 'epoch_1.pth')
    assert run(scene) == 1
    error = capsys.readouterr().err
    assert 'holds no decoder' in error
    assert 'an encoder alone cannot reconstruct' in error
    assert not (scene / 'out').exists()


def test_checkpoint_of_another_model(scene, capsys):
    weights = tiny_map().state_dict()
    weights['decoder.norm.weight'] = torch.zeros(3)
    del weights['head.pred.bias']
    torch.save(dict(state_dict=weights), scene / 'epoch_1.pth')
    assert run(scene) == 1
    error = capsys.readouterr().err
    assert '1 missing (head.pred.bias)' in error
    assert 'decoder.norm.weight (3,) for (8,)' in error


def test_config_of_another_model(scene, capsys):
    (scene / 'config.py').write_text(CONFIG.format(type='ImageClassifier'))
    assert run(scene) == 1
    message = "'ImageClassifier'; give the config of a MAP"
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ('prepare', 'options', 'message'),
    [
        (lambda s: (s / 'epoch_1.pth').unlink(), (), 'no checkpoint at'),
        (lambda s: (s / 'config.py').unlink(), (), 'config.py'),
        (lambda s: None, ('--mask-ratio', '1'), 'between 0 and 1'),
        (
            lambda s: (s / 'photos/a.jpg').write_text('x'),
            (),
            'a.jpg is not an image',
        ),
    ],
)
def test_what_cannot_be_used(scene, capsys, prepare, options, message):
    prepare(scene)
    assert run(scene, *options) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert message in error


def test_images_that_are_not_there(scene, capsys):
    assert run(scene, images='nowhere') == 1
    assert 'there is no' in capsys.readouterr().err
    (scene / 'empty').mkdir()
    assert run(scene, images='empty') == 1
    assert 'empty has no images' in capsys.readouterr().err


METHODS = {
    'MAE': dict(decoder=dict(attention='full')),
    'AR': dict(decoder=dict(attention='raster')),
    'local MAE': dict(decoder=dict(attention='same_row')),
    'MAP, raw pixels': dict(target_generator=dict(norm_pix=False)),
    'MAP, diffusion': dict(
        head=dict(
            _delete_=True, type='DiffusionHead', in_channels=8, patch_size=4,
            hid_channels=8, sampling_steps=3,
        )
    ),
    'MAP': dict(masking=dict(_delete_=True, type='NoMasking')),
}  # fmt: skip


def method(scene, name, seed=5):
    """A config and a checkpoint of another method beside the first."""
    change = METHODS[name]
    stem = name.replace(' ', '_')
    text = f"_base_ = 'config.py'\nmodel = {change!r}\n"
    (scene / f'{stem}.py').write_text(text)
    torch.manual_seed(seed)
    cfg = Config.fromfile(scene / f'{stem}.py')
    model = MODELS.build(cfg.model)
    content = dict(
        state_dict=model.state_dict(), meta=dict(cfg=cfg.pretty_text)
    )
    torch.save(content, scene / f'{stem}.pth')
    return str(scene / f'{stem}.py'), str(scene / f'{stem}.pth')


@pytest.mark.parametrize('name', METHODS)
def test_every_method_by_itself(scene, name):
    config, checkpoint = method(scene, name)
    image, out = scene / 'photos/a.jpg', scene / 'out'
    run = (config, checkpoint, str(image), '--out', str(out))
    assert tool.main([*run, '--traceback']) == 0
    picture = pictures(out)['0000_a.png']
    assert picture.shape == (186, 492, 3)
    shown, visible, guessed = (column(picture, i) for i in range(3))
    grey = (visible == 128).all(-1)
    everything = name == 'MAP'  # without a masking
    assert grey.mean() == (0 if everything else 0.5)
    changed = (guessed != shown).any(-1)
    assert changed[grey | everything].mean() > 0.9
    if not everything:
        assert not changed[~grey].any()


def test_methods_side_by_side(scene):
    one, two = method(scene, 'MAE'), method(scene, 'MAP, diffusion')
    image = 'photos/a.jpg'
    assert run(scene, images=image, out='alone') == 0
    both = ('--also', *one, '--also', *two)
    assert run(scene, *both, images=image, out='all') == 0
    alone = pictures(scene / 'alone')['0000_a.png']
    together = pictures(scene / 'all')['0000_a.png']
    assert together.shape == (186, 5 * 164, 3)
    for index in range(3):
        same = column(together, index) == column(alone, index)
        assert same.all()
    grey = (column(together, 1) == 128).all(-1)
    others = [column(together, i) for i in (2, 3, 4)]
    for a, b in zip(others, others[1:]):
        different = (a != b).any(-1)
        assert different[grey].mean() > 0.9
        assert not different[~grey].any()


def test_methods_have_names(scene):
    pairs = [method(scene, name) for name in METHODS]
    models = [open_model(*pair, ('MAP',)) for pair in pairs]
    assert method_names(models) == list(METHODS)
    assert method_names(models[:1] * 2) == ['MAE (1)', 'MAE (2)']
    assert tool.titles_of(models[:2], ['a', 'b']) == ['a', 'b']
    assert tool.titles_of(models[:1], None) == ['reconstructed']


def other_units(scene):
    """A MAP of units of 8 pixels, which must not be asked for its weights."""
    text = CONFIG.format(type='MAP').replace('patch_size=4', 'patch_size=8')
    (scene / 'other.py').write_text(text.replace('grid=4', 'grid=2'))
    weights = MODELS.build(Config.fromfile(scene / 'other.py').model)
    torch.save(weights.state_dict(), scene / 'other.pth')
    return '--also', str(scene / 'other.py'), str(scene / 'other.pth')


def swapped(scene):
    """The config of one method with the checkpoint of another."""
    config, _ = method(scene, 'MAE')
    _, checkpoint = method(scene, 'AR')
    return '--also', config, checkpoint


def poisoned(scene):
    config, checkpoint = method(scene, 'MAE')
    content = torch.load(checkpoint)
    content['state_dict']['decoder.norm.weight'][0] = torch.nan
    torch.save(content, checkpoint)
    return '--also', config, checkpoint


@pytest.mark.parametrize(
    ('prepare', 'message'),
    [
        (other_units, 'images of 16x16 in units of 8 pixels'),
        (swapped, "decoder.attention='raster', the config has 'full'"),
        (poisoned, 'not finite'),
        (lambda s: ('--names', 'a', 'b'), '2 names for 1 model;'),
    ],
)
def test_methods_that_cannot_be_compared(scene, capsys, prepare, message):
    assert run(scene, *prepare(scene)) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert error.count('\n') == 1
    assert message in error
    assert not (scene / 'out').exists()
