"""The command lines that convert checkpoints of published code, and back."""

import pytest
import torch

from mmmap.conversion.mamba_vision_parity import build_official
from mmmap.conversion.official_map import UNUSED
from tests.conversion import official as map_2d
from tests.conversion import official_mamba_vision as mamba_vision
from tests.conversion.official import PARITY
from tests.conversion.official_points import official_weights
from tests.engine.tiny_runner import tiny_runner
from tests.helpers import load_tool
from tests.models.tiny_mamba_vision import tiny_mamba_vision
from tests.models.tiny_points import tiny_backbone
from tests.tools.conversions import load, same, save

# By the name of the converter: official weights, the keys that may hold them
# (the first is written), prefixes of their names, and what ``meta`` says.
WEIGHTS = {
    'map': map_2d.make_official,
    'mambavision': lambda: mamba_vision.make_official(layer_scale=True),
    'points': lambda: official_weights('pretrain')[0],
    'points classifier': lambda: official_weights('finetune')[0],
}
KEYS = {
    'map': ['model'],
    'mambavision': ['state_dict', 'model'],
    'points': ['base_model'],
}
PREFIXES = {'mambavision': ['', 'module.', 'model.']}
META = {
    'map': dict(source='official MAP', pattern='MMMTMMMT'),
    'mambavision': dict(source='official MambaVision', depths=(1, 2, 3, 2)),
    'points': dict(
        source='official MAP on points, pretrain', pattern='MMTMMT'
    ),
    'points classifier': dict(
        source='official MAP on points, finetune', pattern='MMTMMT'
    ),
}


def convert(name, *arguments):
    """Run a converter; return its status."""
    tool = load_tool(
        f'model_converters/official_{name.split()[0]}_to_mmmap.py'
    )
    return tool.main([str(a) for a in arguments])


def wrappings():
    for name in WEIGHTS:
        kind = name.split()[0]
        for key in [None, *KEYS[kind]]:
            for prefix in PREFIXES.get(kind, ['', 'module.']):
                yield name, key, prefix


@pytest.mark.parametrize(('name', 'key', 'prefix'), wrappings())
def test_there_and_back(tmp_path, name, key, prefix):
    official = WEIGHTS[name]()
    content = {f'{prefix}{n}': v for n, v in official.items()}
    content = {key: content, 'epoch': 3} if key else content
    src = save(content, tmp_path / 'official.pth')
    ours, back = tmp_path / 'ours.pth', tmp_path / 'back.pth'
    assert convert(name, src, ours) == 0
    checkpoint = load(ours)
    found = {k: checkpoint['meta'][k] for k in META[name]}
    assert found == META[name]
    if name == 'map':
        assert checkpoint['official_unused'].keys() == set(UNUSED)
    assert convert(name, ours, back, '--reverse') == 0
    ((written, restored),) = load(back).items()
    assert written == KEYS[name.split()[0]][0]
    same(restored, official)


@pytest.mark.parametrize('name', ['a', 'b'])
def test_official_weights(tmp_path, name):
    path = PARITY / f'map2d_official_{name}.pt'
    if not path.is_file():
        pytest.skip(f'no fixture {path.name} beside the repository')
    official = load(path)['state_dict']
    src, dst = save({'model': official}, tmp_path / 'm.pth'), tmp_path / 'o'
    assert convert('map', src, dst) == 0
    assert convert('map', dst, tmp_path / 'b.pth', '--reverse') == 0
    same(load(tmp_path / 'b.pth')['model'], official)


def pretrained(path):
    return dict(type='Pretrained', checkpoint=str(path), prefix='backbone.')


def test_a_mambavision_becomes_a_pretrained_backbone(tmp_path):
    path = PARITY / 'mambavision_official_a.pt'
    if not path.is_file():
        pytest.skip(f'no fixture {path.name} beside the repository')
    fixture = load(path)
    src = save({'state_dict': fixture['state_dict']}, tmp_path / 'nvidia.pth')
    assert convert('mambavision', src, tmp_path / 'ours.pth') == 0
    backbone = build_official(fixture['config']).backbone
    backbone.init_cfg = pretrained(tmp_path / 'ours.pth')
    backbone.init_weights()
    (pooled,) = backbone.eval()(fixture['image'])
    torch.testing.assert_close(pooled, fixture['pooled'], rtol=1e-5, atol=1e-5)


def test_a_pretraining_on_points_becomes_a_pretrained_backbone(tmp_path):
    official, model = official_weights('pretrain')
    src, dst = save(official, tmp_path / 'points.pth'), tmp_path / 'ours.pth'
    assert convert('points', src, dst) == 0
    backbone = tiny_backbone(
        arch=dict(embed_dims=8, pattern='MMTMMT', num_heads=2, mlp_ratio=2.0),
        with_cls_token=True,
        init_cfg=pretrained(dst),
    )
    backbone.init_weights()
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(value, backbone.state_dict()[name]), name


def test_a_checkpoint_of_a_training_can_be_reversed(tmp_path):
    runner = tiny_runner(tmp_path / 'run', epochs=1)
    runner.train()
    trained, dst = tmp_path / 'run' / 'epoch_1.pth', tmp_path / 'map.pth'
    # The tiny model's pattern is MMT.
    assert convert('map', trained, dst, '--reverse') == 0
    model = runner.model.state_dict()
    official = load(dst)['model']
    assert len(official) == len(model)
    qkv = model['backbone.layers.2.attn.qkv.weight']
    assert torch.equal(official['blocks.0.attn.qkv.weight'], qkv)


def test_existing_file_is_kept_without_overwrite(tmp_path, capsys):
    src = save(map_2d.make_official(), tmp_path / 'map.pth')
    dst = tmp_path / 'ours.pth'
    dst.write_text('mine')
    assert convert('map', src, dst) == 1
    assert 'exists' in capsys.readouterr().err
    assert dst.read_text() == 'mine'
    assert convert('map', src, dst, '--overwrite') == 0
    assert 'state_dict' in load(dst)


EXTRA = {'extra': torch.zeros(1)}
STRANGER = {'conv1.weight': torch.zeros(1)}
BACKBONE = {
    f'backbone.{name}': value
    for name, value in tiny_mamba_vision().state_dict().items()
}


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('map', STRANGER, 'found 0 Mamba and 0 attention'),
        ('map', {'model': {'a': 1}}, 'expected tensors by name'),
        ('map', map_2d.make_official() | EXTRA, "unknown names ['extra']"),
        ('map', [1], 'holds a list'),
        ('mambavision', STRANGER, 'not complete official MambaVision'),
        (
            'mambavision',
            {'model': {'a': 1}},
            'under the key state_dict or model',
        ),
        (
            'mambavision',
            mamba_vision.make_official() | EXTRA,
            "unknown names ['extra']",
        ),
        ('points', STRANGER, 'weights of MAP on points'),
        (
            'map --reverse',
            {'model': map_2d.make_official()},
            'these are not complete mmmap MAP weights',
        ),
        (
            'mambavision --reverse',
            {'state_dict': BACKBONE},
            "absent names ['head.fc.bias'",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, capsys, name, content, message):
    src = save(content, tmp_path / 'other.pth')
    assert convert(name, src, tmp_path / 'x.pth', *name.split()[1:]) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert message in error
    assert list(tmp_path.iterdir()) == [src]


def test_absent_and_truncated_files(tmp_path, capsys):
    assert convert('map', tmp_path / 'no.pth', tmp_path / 'ours.pth') == 1
    assert 'no checkpoint at' in capsys.readouterr().err
    src = save(map_2d.make_official(), tmp_path / 'map.pth')
    src.write_bytes(src.read_bytes()[:5000])
    assert convert('map', src, tmp_path / 'ours.pth') == 1
    assert 'truncated' in capsys.readouterr().err
