import pytest
import torch

from tests.conversion.official_points import official_weights
from tests.models.tiny_points import tiny_backbone
from tests.tools.conversions import converter, load

convert = converter('official_points_to_mmmap')


@pytest.mark.parametrize('kind', ['pretrain', 'finetune'])
@pytest.mark.parametrize('outer', [None, 'base_model'])
def test_there_and_back(tmp_path, kind, outer):
    official, _ = official_weights(kind)
    content = {f'module.{n}': v for n, v in official.items()}
    src = tmp_path / 'points.pth'
    torch.save({outer: content} if outer else content, src)
    ours, back = tmp_path / 'ours.pth', tmp_path / 'back.pth'
    assert convert(src, ours) == 0
    meta = load(ours)['meta']
    assert meta['pattern'] == 'MMTMMT'
    assert meta['source'] == f'official MAP on points, {kind}'
    assert convert(ours, back, '--reverse') == 0
    restored = load(back)['base_model']
    assert restored.keys() == official.keys()
    for name, value in official.items():
        assert torch.equal(value, restored[name]), name


def test_a_pretraining_becomes_a_pretrained_backbone(tmp_path):
    official, model = official_weights('pretrain')
    src, dst = tmp_path / 'points.pth', tmp_path / 'ours.pth'
    torch.save(official, src)
    assert convert(src, dst) == 0
    backbone = tiny_backbone(
        arch=dict(embed_dims=8, pattern='MMTMMT', num_heads=2, mlp_ratio=2.0),
        with_cls_token=True,
        init_cfg=dict(
            type='Pretrained', checkpoint=str(dst), prefix='backbone.'
        ),
    )
    backbone.init_weights()
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(value, backbone.state_dict()[name]), name


def test_other_files_are_refused(tmp_path, capsys):
    src = tmp_path / 'points.pth'
    torch.save({'conv1.weight': torch.zeros(1)}, src)
    assert convert(src, tmp_path / 'ours.pth') == 1
    assert 'weights of MAP on points' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [src]
