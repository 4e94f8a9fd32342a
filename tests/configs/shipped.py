"""The configs that ship, and what the tests read in them."""

import copy
import functools
import re

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from tests.helpers import REPO

CONFIGS = {
    str(path.relative_to(REPO / 'configs')): path
    for path in sorted((REPO / 'configs').rglob('*.py'))
    # Those on points have a test of their own, test_points.py.
    if not {'_base_', 'own', 'points'} & set(path.relative_to(REPO).parts)
}

# Those whose names follow OpenMMLab's grammar.
NAMED = [name for name in CONFIGS if name.startswith('mm')]

ARCHS = 'tiny|small|base|large|large2|huge'


@functools.cache
def parsed(path):
    return Config.fromfile(path)


def config_of(name):
    """A copy of a config, in whose library's scope it is left."""
    config = copy.deepcopy(parsed(REPO / 'configs' / name))
    init_default_scope(config.default_scope)
    return config


@functools.cache
def built_on_meta(name):
    """The model in its full size, without memory for its weights."""
    with torch.device('meta'):
        return MODELS.build(config_of(name).model)


def unwrapped(dataset):
    """The data set inside those that repeat or select."""
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset


def size_in(name):
    """The size in a name; UPerNet's main config is the paper's S."""
    sizes = re.findall(f'-({ARCHS})_', name)
    assert len(sizes) <= 1
    return sizes[0] if sizes else 'small'


def kind_in(name):
    """The backbone in a name, with its size."""
    kinds = re.findall(r'(?:/|_|-)(vit|mamba|mambavision)-', name)
    return f'{kinds[0] if kinds else "hybridnet"}-{size_in(name)}'
