import pytest
import torch

from mmmap.conversion.mamba_vision_parity import build_official
from tests.conversion.official import PARITY
from tests.conversion.official_mamba_vision import CONFIG, make_official
from tests.tools.conversions import (
    converter,
    load,
    same,
    save,
)

convert = converter('official_mambavision_to_mmmap')


@pytest.mark.parametrize('outer', [None, 'state_dict', 'model'])
@pytest.mark.parametrize('prefix', ['', 'module.', 'model.'])
def test_there_and_back(tmp_path, outer, prefix):
    official = make_official(layer_scale=True)
    content = {f'{prefix}{n}': v for n, v in official.items()}
    content = {outer: content, 'epoch': 3} if outer else content
    src = save(content, tmp_path / 'nvidia.pth.tar')
    ours, back = tmp_path / 'ours.pth', tmp_path / 'back.pth'
    assert convert(src, ours) == 0
    checkpoint = load(ours)
    assert checkpoint.keys() == {'state_dict', 'meta'}
    assert checkpoint['meta']['depths'] == (1, 2, 3, 2)
    assert convert(ours, back, '--reverse') == 0
    same(load(back)['state_dict'], official)


def test_official_weights_become_a_pretrained_backbone(tmp_path):
    path = PARITY / 'mambavision_official_a.pt'
    if not path.is_file():
        pytest.skip(f'no fixture {path.name} beside the repository')
    fixture = load(path)
    src = save({'state_dict': fixture['state_dict']}, tmp_path / 'nvidia.pth')
    assert convert(src, tmp_path / 'ours.pth') == 0
    backbone = build_official(fixture['config']).backbone
    backbone.init_cfg = dict(
        type='Pretrained',
        checkpoint=str(tmp_path / 'ours.pth'),
        prefix='backbone.',
    )
    backbone.init_weights()
    (pooled,) = backbone.eval()(fixture['image'])
    torch.testing.assert_close(pooled, fixture['pooled'], rtol=1e-5, atol=1e-5)


WRONG = [
    ({'conv1.weight': torch.zeros(1)}, 'not complete official MambaVision'),
    ({'model': {'a': 1}}, 'under the key state_dict or model'),
    (make_official() | {'extra': torch.zeros(1)}, "unknown names ['extra']"),
    ([1], 'holds a list'),
]


@pytest.mark.parametrize(('content', 'message'), WRONG)
def test_other_files_are_refused(tmp_path, capsys, content, message):
    src = save(content, tmp_path / 'nvidia.pth')
    assert convert(src, tmp_path / 'ours.pth') == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert message in error
    assert list(tmp_path.iterdir()) == [src]


def test_reverse_of_what_is_no_classifier(tmp_path, capsys):
    weights = build_official(CONFIG).backbone.state_dict()
    weights = {f'backbone.{n}': v for n, v in weights.items()}
    src = save({'state_dict': weights}, tmp_path / 'map.pth')
    assert convert(src, tmp_path / 'x.pth', '--reverse') == 1
    assert "absent names ['head.fc.bias'" in capsys.readouterr().err
