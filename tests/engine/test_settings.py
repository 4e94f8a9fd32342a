"""Config files, and --cfg-options as people type them."""

import pytest
from mmengine.config import Config

from mmmap.engine.settings import open_config, open_model_config, override
from mmmap.errors import InputError, UserError


@pytest.fixture
def config():
    return Config(
        dict(
            model=dict(
                type='MAP',
                backbone=dict(
                    type='HybridNet', arch='tiny', init_cfg=None, depth=4
                ),
            ),
            train_dataloader=dict(batch_size=2),
            optim_wrapper=dict(optimizer=dict(type='AdamW', betas=(0.9, 1))),
            custom_hooks=[dict(type='EMAHook', interval=1)],
        )
    )


def settings(*pairs):
    return dict(pair.split('=', maxsplit=1) for pair in pairs)


def refused(config, *pairs):
    """The message; the config stays as it was."""
    before = config.to_dict()
    with pytest.raises(InputError) as caught:
        override(config, settings(*pairs))
    assert config.to_dict() == before
    return str(caught.value)


@pytest.mark.parametrize(
    ('setting', 'kind'),
    [
        ('train_dataloader.batch_size=two', 'a number (2 in the config)'),
        ('custom_hooks.0.interval=1x', 'a number (1 in the config)'),
        ('shuffle=maybe', 'True or False (True in the config)'),
    ],
)
def test_text_instead_of_a_number(config, setting, kind):
    config.shuffle = True
    key, _, value = setting.partition('=')
    message = refused(config, setting)
    assert message == f'--cfg-options {key} takes {kind}, got {value!r}'


def test_words_that_stand_for_numbers(config):
    config.optim_wrapper.loss_scale = 512.0
    override(config, settings('optim_wrapper.loss_scale=dynamic'))
    assert config.optim_wrapper.loss_scale == 'dynamic'
    config.shuffle = True
    override(config, settings('shuffle=false', 'model.backbone.depth=2.5'))
    assert (config.shuffle, config.model.backbone.depth) == (False, 2.5)


def test_values_are_read_as_mmengine_reads_them(config):
    override(
        config,
        settings(
            'model.backbone.depth=8',
            'optim_wrapper.optimizer.betas=(0.9,0.95)',
            'custom_hooks.0.interval=5',
            'model.test_cfg.mode=slide',
            'model.backbone.arch=base',
            'model.backbone.init_cfg=None',
            'randomness.seed=3',
        ),
    )
    assert config.model.backbone.depth == 8
    assert config.optim_wrapper.optimizer.betas == (0.9, 0.95)
    assert config.custom_hooks[0].interval == 5
    assert config.model.test_cfg.mode == 'slide'
    assert config.model.backbone.arch == 'base'
    assert config.randomness == dict(seed=3)


FORMS = (
    'model.backbone.init_cfg.type=Pretrained '
    'model.backbone.init_cfg.checkpoint=x.pth'
)


@pytest.mark.parametrize(
    'text',
    [
        "{'type':'Pretrained','checkpoint':'x.pth'}",
        "dict(type='Pretrained', checkpoint='x.pth')",
    ],
)
def test_a_dict_as_text(config, text):
    error = refused(config, f'model.backbone.init_cfg={text}')
    assert 'takes no dict' in error
    assert error.endswith(f'--cfg-options {FORMS}')
    # What the message says works, also over a None.
    override(config, settings(*FORMS.split()))
    assert config.model.backbone.init_cfg == dict(
        type='Pretrained', checkpoint='x.pth'
    )


def test_a_dict_of_another_type(config):
    key = 'optim_wrapper.optimizer'
    error = refused(config, f"{key}={{'type':'SGD','lr':0.1}}")
    forms = error.rpartition('--cfg-options ')[2].split()
    assert forms == [
        f'{key}._delete_=True',
        f'{key}.type=SGD',
        f'{key}.lr=0.1',
    ]
    override(config, settings(*forms))
    assert config.optim_wrapper.optimizer == dict(type='SGD', lr=0.1)


def test_a_dict_in_a_dict(config):
    error = refused(config, "train_dataloader={'sampler':{'seed':1},'n':2}")
    assert error.endswith(
        'train_dataloader.sampler.seed=1 train_dataloader.n=2'
    )


@pytest.mark.parametrize(
    ('pairs', 'message'),
    [
        (
            ['model.backbone.init_cfg.checkpoint=x.pth'],
            'model.backbone.init_cfg is None in the config; give its type '
            'too: model.backbone.init_cfg.type=NAME '
            'model.backbone.init_cfg.checkpoint=x.pth',
        ),
        (
            ['model.backbone.init_cfg=x.pth'],
            "init_cfg takes a dict, got 'x.pth'; give each setting in it: "
            '--cfg-options model.backbone.init_cfg.type=NAME',
        ),
        (['optim_wrapper.optimizer=SGD'], 'optimizer.type=NAME'),
        (['model.backbone.arch.depth=3'], "arch is 'tiny' in the config"),
        (['custom_hooks.4.interval=5'], 'a list of 1, expected an index from'),
        (['custom_hooks.ema.interval=5'], 'index from 0 to 0, got ema'),
        (['custom_hooks=[dict(type=EMAHook)]'], 'takes no list of dicts'),
        (['train_dataloder.batch_size=3'], 'mean train_dataloader.batch_size'),
        (['model.backbone.depth=[1,(2]'], 'brackets do not match'),
        (["model.backbone={'type':"], 'model.backbone.KEY=VALUE'),
    ],
)
def test_what_cannot_be_set(config, pairs, message):
    assert message in refused(config, *pairs)


def test_no_config(tmp_path):
    with pytest.raises(FileNotFoundError, match='no config at nowhere.py'):
        open_config('nowhere.py')
    (tmp_path / 'mine.py').write_text('a = 1')
    with pytest.raises(UserError, match='is a folder, expected a config file'):
        open_config(tmp_path)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = dict(\n', 'SyntaxError: .* line 1'),
        ('model = dict(depth=dept)\n', "NameError: name 'dept' is not"),
        ("_base_ = 'none.py'\n", 'none.py'),
        ("custom_imports = dict(imports=['nobody'])\n", 'nobody'),
    ],
)
def test_a_config_that_cannot_be_run(tmp_path, text, message):
    path = tmp_path / 'mine.py'
    path.write_text(text)
    with pytest.raises(UserError, match=f'mine.py, or what .*{message}'):
        open_config(path)


def test_a_config_without_a_model(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text('a = 1\n')
    with pytest.raises(UserError, match='has no model; give the config'):
        open_model_config(path)
