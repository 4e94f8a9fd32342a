"""The pages that lead from other models here, on configs as they ship."""

import importlib
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope

import mmmap  # noqa: F401  registers the backbone
from mmmap.models.backbones import HybridNet, MambaVision
from tests.configs.batches import batch_of
from tests.helpers import REPO, blocks


class Case(NamedTuple):
    """A library, where it has its config, and what comes of it.

    Args:
        library: Its name.
        before: Place of the block; the next one is that of HybridNet.
        folder: Of the library's config.
        arch: Of HybridNet.
        width: Its channels.
        classes: Of the config.
        maps: Of an image of 128x160 pixels.
    """

    library: str
    before: int
    folder: str
    arch: str
    width: int
    classes: int
    maps: list


CASES = (
    Case(
        'mmseg',
        0,
        'upernet',
        'small',
        384,
        150,
        [(384, 32, 40), (384, 16, 20), (384, 8, 10), (384, 4, 5)],
    ),
    Case(
        'mmdet',
        2,
        'mask_rcnn',
        'tiny',
        192,
        80,
        [
            (256, 32, 40),
            (256, 16, 20),
            (256, 8, 10),
            (256, 4, 5),
            (256, 2, 3),
        ],
    ),
)
EACH = pytest.mark.parametrize('case', CASES, ids=lambda case: case.library)
BASE = re.compile(r"^_base_ = '(.+)'\n")


def code(place):
    """A Python block of the page."""
    return blocks(REPO / 'docs/migration.md', 'python')[place]


def opened(case, block, tmp_path):
    """A block as a config that inherits from the library's own."""
    package = Path(importlib.import_module(case.library).__file__).parent
    folder = package / '.mim/configs' / case.folder
    if not folder.is_dir():
        pytest.skip(f'this {case.library} was installed without its configs')
    base = folder / BASE.match(code(case.before + 1))[1]
    assert base.is_file()
    path = tmp_path / 'config.py'
    path.write_text(f'_base_ = {str(base)!r}\n{BASE.sub("", block)}')
    init_default_scope(case.library)
    importlib.import_module(f'{case.library}.models')
    return Config.fromfile(path)


@EACH
def test_before_is_what_the_library_has(case, tmp_path):
    bare = opened(case, '', tmp_path)
    assert 'ResNet' in bare.model.backbone.type
    block = code(case.before)
    assert opened(case, block, tmp_path).model == bare.model


@EACH
def test_after_has_the_weights_of_pretraining(case, tmp_path, monkeypatch):
    weights = HybridNet(case.arch, out_type='raw').state_dict()
    monkeypatch.chdir(tmp_path)
    torch.save(
        {'state_dict': {f'backbone.{k}': v for k, v in weights.items()}},
        f'map_{case.arch}.pth',
    )
    config = opened(case, code(case.before + 1), tmp_path)
    model = MODELS.build(config.model).eval()
    model.backbone.init_weights()
    last = weights['layers.31.mlp.fc2.weight']
    assert torch.equal(model.backbone.layers[31].mlp.fc2.weight, last)
    with torch.no_grad():
        features = model.extract_feat(torch.randn(1, 3, 128, 160))
    assert [tuple(x.shape[1:]) for x in features] == case.maps


@pytest.mark.slow
@EACH
def test_after_trains(case, tmp_path):
    """With four blocks of the same width, by the page's optimizer."""
    torch.manual_seed(0)
    config = opened(case, code(case.before + 1) + code(-1), tmp_path)
    config.model.backbone.update(
        arch=dict(embed_dims=case.width, pattern='MMMT'), init_cfg=None
    )
    if case.library == 'mmseg':
        config.model.backbone.out_indices = (0, 1, 2, 3)
        config.model.data_preprocessor.size = (64, 64)
        for head in (config.model.decode_head, config.model.auxiliary_head):
            head.norm_cfg = dict(type='BN')
    model = MODELS.build(config.model).train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    batch = batch_of(case.library, 64, case.classes)
    data = model.data_preprocessor(batch, True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    wrapper.backward(loss)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
    embedding = model.backbone.patch_embed.proj.weight
    before = embedding.detach().clone()
    wrapper.step()
    assert not torch.equal(before, embedding)
    rates = {group['lr'] for group in wrapper.optimizer.param_groups}
    # The embedding, four blocks, what is behind them.
    expected = [1e-4 * 0.9**k for k in (5, 4, 3, 2, 1, 0)]
    assert sorted(rates) == pytest.approx(expected)


def test_it_is_ten_lines():
    for case in CASES:
        inherited, *rest = code(case.before + 1).splitlines()
        assert inherited.startswith('_base_')
        assert len(rest) <= 10


def test_the_readme_has_the_block_of_mmsegmentation():
    (block,) = blocks(REPO / 'README.md', 'python')
    assert block == code(1)


def coming_from(word):
    """The block of the page for other models that names something."""
    found = blocks(REPO / 'docs/coming_from.md', 'python')
    (block,) = [text for text in found if word in text]
    return block


def test_mambavision_from_a_converted_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = MambaVision('tiny').state_dict()
    torch.save(
        {'state_dict': {f'backbone.{k}': v for k, v in weights.items()}},
        'ours.pth',
    )
    variables = {}
    exec(coming_from("arch='tiny'"), variables)
    loaded = variables['backbone'].state_dict()
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


def test_a_stack_of_mamba_blocks():
    variables = {}
    exec(coming_from("'M' * 24"), variables)
    assert variables['backbone'].pattern == 'M' * 24


def test_map_in_place_of_mae(tmp_path):
    folder = Path(importlib.import_module('mmpretrain').__file__).parent
    folder = folder / '.mim/configs/mae'
    if not folder.is_dir():
        pytest.skip('this mmpretrain was installed without its configs')
    block = coming_from('_base_ =')
    base = str(folder / BASE.match(block)[1])
    path = tmp_path / 'config.py'
    path.write_text(f'_base_ = {base!r}\n{BASE.sub("", block)}')
    init_default_scope('mmpretrain')
    config = Config.fromfile(path)
    small = dict(embed_dims=768, pattern='MT')
    config.model.backbone.arch = small
    model = MODELS.build(config.model)
    loss = model.loss(torch.randn(2, 3, 224, 224), [])['loss']
    # Normalised patches have a variance of almost 1, guesses are near 0.
    assert 0.9 < loss.item() < 2
    # Mixed precision needs a GPU.
    kept = ('optimizer', 'clip_grad', 'constructor', 'paramwise_cfg')
    wrapper = {key: config.optim_wrapper[key] for key in kept}
    wrapper = build_optim_wrapper(model, dict(wrapper, type='OptimWrapper'))
    groups = wrapper.optimizer.param_groups
    assert {group['weight_decay'] for group in groups} == {0, 0.05}
