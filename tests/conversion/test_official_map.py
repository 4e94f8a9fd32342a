import pytest
import torch

from mmmap.conversion.names import ConversionError, unwrapped
from mmmap.conversion.official_map import (
    UNUSED,
    pattern_of,
    pattern_of_mmmap,
    to_mmmap,
    to_official,
    unused_of,
)
from mmmap.conversion.parity import build_official
from tests.conversion.official import CONFIG, check_rename, make_official
from tests.tools.conversions import same


@pytest.mark.parametrize(
    ('mamba', 'attention', 'decoder'), [(6, 2, 4), (4, 2, 1), (3, 1, 6)]
)
def test_there_and_back(mamba, attention, decoder):
    official = make_official(mamba, attention, decoder)
    ours = to_mmmap(official)
    assert len(ours) == len(official) - len(UNUSED)
    back = to_official(ours)
    same({**back, **unused_of(official)}, official)


@pytest.mark.parametrize('decoder_depth', [1, 4, 5])
def test_names_are_those_of_the_model(decoder_depth):
    """Strict loading, with as many blocks as the weights have."""
    config = CONFIG | dict(decoder_depth=decoder_depth)
    model = build_official(config)
    official = to_official(model.state_dict())
    found = {n.split('.')[1] for n in official if n.startswith('decoder_bl')}
    assert found == {str(i) for i in range(decoder_depth)}
    made = make_official(4, 2, decoder_depth)
    assert official.keys() == made.keys() - set(UNUSED)
    model.load_state_dict(to_mmmap(official))


def test_each_tensor_goes_where_it_belongs():
    official = make_official()
    ours = to_mmmap(official)
    exact = {
        'layers.3.mixer.A_b_log': 'layers.4.mixer.ssm_backward.A_log',
        'layers.2.mixer.D': 'layers.2.mixer.ssm_forward.D',
        'layers.5.norm.weight': 'layers.6.norm.weight',
        'blocks.0.attn.qkv.weight': 'layers.3.attn.qkv.weight',
        'blocks.1.mlp.fc2.bias': 'layers.7.mlp.fc2.bias',
        'norm_f.weight': 'norm.weight',
    }
    for theirs, mine in exact.items():
        assert torch.equal(official[theirs], ours[f'backbone.{mine}'])
    exact = {
        'norm2_1.weight': 'norm_query.weight',
        'norm2_2.bias': 'norm_memory.bias',
        'norm2.weight': 'norm_mlp.weight',
        'attn2.q.weight': 'attn.q.weight',
    }
    for theirs, mine in exact.items():
        theirs, mine = f'decoder_blocks.2.{theirs}', f'decoder.blocks.2.{mine}'
        assert torch.equal(official[theirs], ours[mine])
    kv = ours['decoder.blocks.3.attn.kv.bias']
    assert torch.equal(official['decoder_blocks.3.attn2.kv.bias'], kv)
    grid = ours['backbone.pos_embed.weight']
    assert torch.equal(grid[0, 1, 2], official['pos_embed'][0, 5])


@pytest.mark.parametrize(
    ('mamba', 'attention', 'pattern'),
    [
        (6, 2, 'MMMTMMMT'),
        (4, 2, 'MMTMMT'),
        (7, 2, 'MMMTMMMTM'),
        (5, 2, 'MMTMMTM'),
        (2, 2, 'MTMT'),
        (4, 1, 'MMMTM'),
        (8, 1, 'MMMMMMMMT'),
    ],
)
def test_order_of_blocks_from_their_numbers(mamba, attention, pattern):
    official = make_official(mamba, attention)
    assert pattern_of(official) == pattern
    assert pattern_of_mmmap(to_mmmap(official)) == pattern


@pytest.mark.parametrize('counts', [(0, 0), (6, 0), (0, 2), (2, 3), (5, 3)])
def test_numbers_of_blocks_that_no_order_has(counts):
    message = f'found {counts[0]} Mamba and {counts[1]} attention blocks'
    with pytest.raises(ConversionError, match=message):
        to_mmmap(make_official(*counts))


def test_order_that_official_names_cannot_express():
    ours = to_mmmap(make_official(2, 2), 'TMMT')
    assert pattern_of_mmmap(ours) == 'TMMT'
    with pytest.raises(ConversionError, match='order of blocks TMMT cannot'):
        to_official(ours)


def test_no_name_may_be_left_over_or_absent():
    official = make_official()
    check_rename(to_mmmap, official, 'mask_token', 'official MAP')
    check_rename(to_official, to_mmmap(official), 'mask_token', 'mmmap MAP')


def test_unused_tensors_may_be_absent():
    official = make_official()
    for name in UNUSED:
        del official[name]
    assert unused_of(official) == {}
    same(to_official(to_mmmap(official)), official)


def test_grids_are_square():
    message = 'embedding of 10 tokens is not of a square grid'
    with pytest.raises(ConversionError, match=message):
        to_mmmap(make_official(tokens=10))
    ours = to_mmmap(make_official())
    ours['decoder.pos_embed.weight'] = torch.zeros(1, 2, 3, 4)
    with pytest.raises(ConversionError, match='a 2x3 grid cannot become'):
        to_official(ours)


@pytest.mark.parametrize('outer', [None, 'model'])
@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_wrappers_are_taken_off(outer, prefix):
    official = make_official()
    content = {f'{prefix}{n}': v for n, v in official.items()}
    content = {outer: content, 'epoch': 3} if outer else content
    same(unwrapped(content), official)


@pytest.mark.parametrize('content', [{}, {'model': {}}, {'state_dict': {}}])
def test_wrappers_around_no_weights(content):
    with pytest.raises(ConversionError, match='expected tensors by name'):
        unwrapped(content)


def test_a_tensor_is_shaped_as_in_the_other_blocks():
    official = make_official()
    name = [n for n in official if n.endswith('mixer.in_proj.weight')][1]
    official[name] = torch.zeros(7)
    message = rf'{name} is \(7,\), but .*in_proj.weight is'
    with pytest.raises(ConversionError, match=message):
        to_mmmap(official)
