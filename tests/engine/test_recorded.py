import pytest
import torch

from mmmap.checkpoints import CheckpointError
from mmmap.checkpoints.recorded import (
    check_recorded,
    check_resumed,
    recorded_model,
)

SMALL = dict(embed_dims=8, pattern='MT')
MAMBA_VISION = dict(
    embed_dims=8,
    stem_dims=8,
    depths=(1, 1, 2, 2),
    num_heads=(1, 2),
    window_sizes=(2, 2),
)


def kept(text):
    return dict(meta=dict(cfg=text))


def test_text_is_read_as_mmengine_writes_it():
    text = (
        'loader = dict(num_workers=0)\n'
        'model = dict(\n    backbone=dict(arch=dict(dims=[1, (2, -3.5)])),\n'
        "    decoder={'a b': dict(x=None)}, on=True)\n"
    )
    assert recorded_model(kept(text)) == dict(
        backbone=dict(arch=dict(dims=[1, [2, -3.5]])),
        decoder={'a b': dict(x=None)},
        on=True,
    )


@pytest.mark.parametrize(
    'content',
    [
        {},
        dict(meta=None),
        kept(None),
        kept('no python ='),
        kept('x = 1'),
        kept('import os\nos.x = 1'),
        kept("model = __import__('os').abort()"),
        kept('model = dict(x=exit())'),
    ],
)
def test_nothing_is_known_of_other_texts(content):
    assert recorded_model(content) == {}


@pytest.mark.parametrize(
    ('trained', 'given', 'wrong'),
    [
        ('', '', None),
        ('depth=1', "attention='rows'", None),
        ("attention='full'", 'depth=1', "attention='full'.* has 'rows'"),
        ('num_heads=4', '', 'num_heads=4.* has 16'),
    ],
)
def test_settings_that_no_weight_shows(trained, given, wrong):
    text = "model = dict(decoder=dict(type='MaskedDecoder', {}))"
    content = kept(text.format(trained))
    model = recorded_model(kept(text.format(given)))
    if wrong is None:
        check_recorded(model, content, 'x.pth', 'testing')
        return
    with pytest.raises(CheckpointError, match=f'x.pth .*decoder.*{wrong}'):
        check_recorded(model, content, 'x.pth', 'testing')


@pytest.mark.parametrize(
    ('part', 'trained', 'given'),
    [
        ('decoder', dict(attention='full'), dict(attention='rows')),
        ('masking', dict(type='SequentialMasking'), dict(type='NoMasking')),
        ('masking', dict(ratio=0.75), dict()),
    ],
)
def test_resuming_refuses_other_settings(tmp_path, part, trained, given):
    file = tmp_path / 'epoch_1.pth'
    types = dict(decoder='MaskedDecoder', masking='RandomMasking')
    model = {part: dict(type=kind) for part, kind in types.items()}
    given = model[part] | given
    model[part].update(trained)
    torch.save(dict(kept(f'model = {model!r}'), state_dict={}), file)
    check_resumed(model, file)
    with pytest.raises(CheckpointError, match=f'trained with {part}'):
        check_resumed(dict(model, **{part: given}), file)
    # No pretraining: the file is not even opened.
    check_resumed(dict(type='EncoderDecoder'), tmp_path / 'absent.pth')


@pytest.mark.parametrize(
    ('kind', 'trained', 'given', 'wrong'),
    [
        ('HybridNet', dict(arch='t'), dict(arch='tiny'), None),
        ('HybridNet', dict(arch=dict(SMALL, num_heads=12)), {}, None),
        ('HybridNet', dict(arch=dict(SMALL, num_heads=4)), {}, '4.* has 12'),
        ('HybridNet', dict(arch=SMALL), dict(arch='large'), '12.* has 16'),
        ('HybridNet', dict(attention='published'), {}, None),
        ('HybridNet', dict(attention='residual'), {}, "'residual'.* has 'p"),
        ('HybridNetPoints', dict(arch=dict(SMALL, num_heads=6)), {}, None),
        ('HybridNetPoints', dict(arch=dict(SMALL, num_heads=3)), {}, '3.* 6'),
        ('MambaVision', dict(arch='b'), {}, None),
        ('MambaVision', dict(arch=MAMBA_VISION), {}, r'\[1, 2\].* \[8, 16\]'),
    ],
)
def test_a_backbone_s_heads_and_where_they_are(kind, trained, given, wrong):
    trained = dict(trained, type=kind)
    content = kept(f'model = {dict(backbone=trained)!r}')
    model = dict(backbone=dict(given, type=f'mmpretrain.{kind}'))
    if wrong is None:
        check_recorded(model, content, 'x.pth', 'testing')
        return
    name = r'backbone\.(arch\.num_heads|attention)'
    with pytest.raises(CheckpointError, match=f'x.pth .*{name}={wrong}'):
        check_recorded(model, content, 'x.pth', 'testing')


def test_resuming_refuses_another_number_of_heads(tmp_path):
    file = tmp_path / 'epoch_1.pth'
    model = dict(
        type='EncoderDecoder',
        backbone=dict(type='HybridNet', arch=dict(SMALL, num_heads=4)),
    )
    torch.save(dict(kept(f'model = {model!r}'), state_dict={}), file)
    check_resumed(model, file)
    model['backbone']['arch']['num_heads'] = 2
    with pytest.raises(CheckpointError, match='num_heads=4, .* has 2'):
        check_resumed(model, file)
