import pytest
import torch

from mmmap.conversion.official_map import UNUSED
from tests.conversion.official import PARITY, make_official
from tests.engine.tiny_runner import tiny_runner
from tests.tools.conversions import (
    converter,
    load,
    same,
    save,
)

convert = converter('official_map_to_mmmap')


@pytest.mark.parametrize('outer', [None, 'model'])
@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_there_and_back(tmp_path, outer, prefix):
    official = make_official()
    content = {f'{prefix}{n}': v for n, v in official.items()}
    src = save({outer: content} if outer else content, tmp_path / 'map.pth')
    ours, back = tmp_path / 'ours.pth', tmp_path / 'back.pth'
    assert convert(src, ours) == 0
    checkpoint = load(ours)
    assert checkpoint.keys() == {'state_dict', 'meta', 'official_unused'}
    assert checkpoint['meta']['pattern'] == 'MMMTMMMT'
    assert checkpoint['official_unused'].keys() == set(UNUSED)
    assert convert(ours, back, '--reverse') == 0
    restored = load(back)
    assert restored.keys() == {'model'}
    same(restored['model'], official)


@pytest.mark.parametrize('name', ['a', 'b'])
def test_official_weights(tmp_path, name):
    path = PARITY / f'map2d_official_{name}.pt'
    if not path.is_file():
        pytest.skip(f'no fixture {path.name} beside the repository')
    official = load(path)['state_dict']
    src = save({'model': official}, tmp_path / 'map.pth')
    assert convert(src, tmp_path / 'ours.pth') == 0
    assert convert(tmp_path / 'ours.pth', tmp_path / 'b.pth', '--reverse') == 0
    same(load(tmp_path / 'b.pth')['model'], official)


def test_what_a_training_wrote_can_be_reversed(tmp_path):
    runner = tiny_runner(tmp_path / 'run', epochs=1)
    runner.train()
    trained, dst = tmp_path / 'run' / 'epoch_1.pth', tmp_path / 'map.pth'
    # The tiny model's pattern is MMT.
    assert convert(trained, dst, '--reverse') == 0
    model = runner.model.state_dict()
    official = load(dst)['model']
    assert len(official) == len(model)
    qkv = model['backbone.layers.2.attn.qkv.weight']
    assert torch.equal(official['blocks.0.attn.qkv.weight'], qkv)


def test_existing_file_is_kept_unless_told(tmp_path, capsys):
    src = save(make_official(), tmp_path / 'map.pth')
    dst = tmp_path / 'ours.pth'
    dst.write_text('mine')
    assert convert(src, dst) == 1
    assert 'exists' in capsys.readouterr().err
    assert dst.read_text() == 'mine'
    assert convert(src, dst, '--overwrite') == 0
    assert 'state_dict' in load(dst)


WRONG = [
    ({'conv1.weight': torch.zeros(1)}, 'found 0 Mamba and 0 attention'),
    ({'model': {'a': 1}}, 'expected tensors by name'),
    (make_official() | {'extra': torch.zeros(1)}, "unknown names ['extra']"),
    ([1], 'holds a list'),
]


@pytest.mark.parametrize(('content', 'message'), WRONG)
def test_other_files_are_refused(tmp_path, capsys, content, message):
    src = save(content, tmp_path / 'map.pth')
    assert convert(src, tmp_path / 'ours.pth') == 1
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert message in error
    assert list(tmp_path.iterdir()) == [src]


def test_reverse_of_an_official_file(tmp_path, capsys):
    src = save({'model': make_official()}, tmp_path / 'map.pth')
    assert convert(src, tmp_path / 'x.pth', '--reverse') == 1
    assert (
        'these are not complete mmmap MAP weights' in capsys.readouterr().err
    )


def test_absent_and_truncated_files(tmp_path, capsys):
    assert convert(tmp_path / 'no.pth', tmp_path / 'ours.pth') == 1
    assert 'no checkpoint at' in capsys.readouterr().err
    src = save(make_official(), tmp_path / 'map.pth')
    src.write_bytes(src.read_bytes()[:5000])
    assert convert(src, tmp_path / 'ours.pth') == 1
    assert 'truncated' in capsys.readouterr().err
