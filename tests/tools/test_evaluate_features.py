import json

import cv2
import numpy as np
import pytest
import torch

from mmmap.engine.trained_models import open_backbone
from mmmap.evaluation import extract, image_folder, knn_accuracy, pooled
from tests.helpers import load_tool
from tests.models.tiny import tiny_map
from tests.tools.test_reconstruct import CONFIG

tool = load_tool('analysis_tools/evaluate_features.py')
COLOURS = dict(blue=(250, 20, 20), green=(20, 250, 20), red=(20, 20, 250))


def paint(root, classes=3, images=8, seed=0):
    """Images of one colour with noise, by class."""
    random = np.random.default_rng(seed)
    for name, colour in list(COLOURS.items())[:classes]:
        (root / name).mkdir(parents=True)
        for index in range(images):
            noise = random.integers(-20, 20, (24, 30, 3))
            image = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(root / name / f'{index}.png'), image)


@pytest.fixture
def scene(tmp_path):
    """A config, a checkpoint and a data set."""
    config = CONFIG.format(type='MAP')
    root = tmp_path / 'data'
    config += f'train_dataloader = dict(dataset=dict(data_root={str(root)!r}))'
    (tmp_path / 'config.py').write_text(config)
    weights = tiny_map().state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'epoch_1.pth')
    paint(root / 'train')
    paint(root / 'val', images=3, seed=1)
    return tmp_path


def run(scene, *options):
    pair = (str(scene / 'config.py'), str(scene / 'epoch_1.pth'))
    return tool.main(
        [*pair, '--out', str(scene / 'out/eval.json'), '--k', '1', '5',
         *options]
    )  # fmt: skip


def test_colours_are_separated_and_the_numbers_kept(scene, capsys):
    assert run(scene) == 0
    captured = capsys.readouterr()
    last = captured.out.splitlines()[-1]
    assert '1-NN 100.00, 5-NN 100.00, linear 100.00' in last
    assert last.endswith('% of 9 images')
    assert 'ETA' in captured.err
    path = scene / 'out/eval.json'
    result = json.loads(path.read_text())
    assert result['knn'] == {'1': 100.0, '5': 100.0}
    assert result['linear']['accuracy'] == 100.0
    assert result['images'] == dict(train=24, val=9)
    assert (result['classes'], result['channels']) == (3, 16)
    assert result['image_size'] == [16, 16]
    before = path.read_text()
    assert run(scene, '--batch-size', '5', '--workers', '1') == 0
    assert path.read_text() == before


def test_features_are_the_normalised_mean_of_the_tokens(scene):
    backbone, normalise = open_backbone(
        scene / 'config.py', scene / 'epoch_1.pth', out_type='avg_featmap'
    )
    data = image_folder(scene / 'data/val', (16, 16))
    sets = extract(lambda x: pooled(backbone(x)), data, normalise, 4)
    assert sets[0].shape == (9, 16)
    assert sets[1].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    inputs = normalise(dict(inputs=[data[4]['inputs']]))['inputs']
    assert inputs.shape == (1, 3, 16, 16)
    backbone.out_type = 'raw'
    streams = []
    hook = backbone.layers[-1].register_forward_hook(
        lambda m, i, o: streams.append(o[0].float() + o[1])
    )
    backbone(inputs)
    hook.remove()
    expected = backbone.norm(streams[0].mean(1))[0]
    torch.testing.assert_close(sets[0][4], expected, rtol=1e-4, atol=1e-5)
    assert knn_accuracy(*sets, *sets, ks=(1,)) == {1: 1.0}


def test_what_is_pooled():
    x = torch.arange(24.0)
    assert pooled((x.view(1, 4, 6),)).tolist() == [[9, 10, 11, 12, 13, 14]]
    assert pooled((x, x.view(1, 2, 3, 4))).tolist() == [[5.5, 17.5]]
    assert torch.equal(pooled(x.view(4, 6)), x.view(4, 6))
    with pytest.raises(ValueError, match=r'got torch.float32 \(24,\)'):
        pooled((x,))
    # Places of tokens are no features.
    with pytest.raises(ValueError, match=r'got torch.int64 \(4, 6\)'):
        pooled((x.view(1, 4, 6), x.view(4, 6).long()))


def one_class(scene):
    for split in ('train', 'val'):
        for name in ('green', 'red'):
            folder = scene / 'data' / split / name
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()


def poison(scene):
    content = torch.load(scene / 'epoch_1.pth')
    content['state_dict']['backbone.norm.weight'][2] = torch.nan
    torch.save(content, scene / 'epoch_1.pth')


def other_classes(scene):
    (scene / 'data/val/red').rename(scene / 'data/val/violet')


def other_arch(scene):
    path = scene / 'config.py'
    path.write_text(path.read_text().replace('embed_dims=16', 'embed_dims=24'))


@pytest.mark.parametrize(
    ('prepare', 'options', 'message'),
    [
        (one_class, (), 'are of one class'),
        (poison, (), '24 of 24 features of train are not finite'),
        (other_classes, (), 'different classes: red, violet'),
        (other_arch, (), 'does not fit HybridNet'),
        (lambda s: None, ('--val', 'test'), 'data/test: does not exist'),
        (lambda s: None, ('--data-root', 'nowhere'), 'does not exist'),
        (
            lambda s: (s / 'data/val/red/1.png').write_text('x'),
            (),
            '1.png',
        ),
        (
            lambda s: (s / 'config.py').write_text(CONFIG.format(type='MAP')),
            (),
            'name the folder of the data with --data-root',
        ),
        (
            lambda s: (s / 'config.py').write_text("model = dict(type='A')"),
            (),
            'has no backbone',
        ),
    ],
)
def test_what_cannot_be_used(scene, capsys, prepare, options, message):
    prepare(scene)
    assert run(scene, *options) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('error: ')
    assert message in error
    assert not (scene / 'out').exists()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--k', '25'), '25 neighbours, but there are only'),
        (('--k', '0'), r'got k=\[0\]'),
        (('--temperature', '0'), 'temperature'),
    ],
)
def test_settings_are_checked_before_images_are_encoded(
    scene, monkeypatch, options, message
):
    monkeypatch.setattr(tool, 'extract', None)
    pair = (str(scene / 'config.py'), str(scene / 'epoch_1.pth'))
    with pytest.raises(ValueError, match=message):
        tool.judged(tool.parse_args([*pair, *options]))


@pytest.mark.parametrize(('kept', 'ks'), [(8, [10, 20]), (2, [6])])
def test_as_many_neighbours_as_there_are(scene, kept, ks):
    for path in scene.glob('data/train/*/*.png'):
        if int(path.stem) >= kept:
            path.unlink()
    pair = (str(scene / 'config.py'), str(scene / 'epoch_1.pth'))
    assert list(tool.judged(tool.parse_args([*pair]))['knn']) == ks


@pytest.mark.parametrize('workers', [0, 1])
def test_an_image_that_the_first_look_missed(scene, workers):
    data = image_folder(scene / 'data/val', (16, 16))
    path = scene / 'data/val/green/1.png'
    path.write_text('x')
    with pytest.raises(ValueError, match=r'green/1\.png cannot be read'):
        extract(lambda x: torch.ones(len(x), 1), data, dict, 2, workers)


def test_parts_are_encoded_without_each_other(scene):
    backbone, _ = open_backbone(
        scene / 'config.py', scene / 'epoch_1.pth', out_type='raw'
    )
    images = torch.randn(2, 3, 16, 16)

    def encode(parts):
        generator = torch.Generator().manual_seed(3)
        return tool.in_parts(backbone, images, parts, generator)

    torch.testing.assert_close(encode(1), backbone(images)[-1].mean(1))
    length = backbone(images)[-1].shape[1]
    order = torch.rand(
        2, length, generator=torch.Generator().manual_seed(3)
    ).argsort(1)
    first, second = (
        backbone(images, half.sort(1).values)[-1].mean(1)
        for half in order.chunk(2, dim=1)
    )
    torch.testing.assert_close(encode(2), (first + second) / 2)
    assert not torch.allclose(encode(1), encode(2), atol=1e-3)


def test_numbers_with_parts(scene, capsys):
    assert run(scene, '--parts', '2') == 0
    result = json.loads((scene / 'out/eval.json').read_text())
    assert result['parts'] == 2
    assert result['knn']['1'] == 100.0
    assert run(scene, '--parts', '500') == 1
    assert '--parts 500 is more than the' in capsys.readouterr().err


@pytest.mark.parametrize(
    'option', ['--parts=0', '--size=0', '--batch-size=0', '--workers=-1']
)
def test_numbers_that_are_too_small(option, capsys):
    with pytest.raises(SystemExit):
        tool.parse_args(['config.py', 'epoch_1.pth', option])
    name, number = option.split('=')
    least = int(number) + 1
    message = f'{name} must be at least {least}, got {number}'
    assert message in capsys.readouterr().err
