"""Small versions of full configs, for tests and for trying on a laptop."""

import copy

import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

from .engine.launch import replace_sync_bn

WIDTH = 32
# By the kinds of blocks in the full pattern.
PATTERNS = {'M': 'MMMM', 'T': 'TTTT', 'MT': 'MMMT'}
# Keys whose values are channels; all wide ones become WIDTH, so that parts
# still fit together.
WIDTHS = {
    'channels',
    'conv_out_channels',
    'embed_dims',
    'fc_out_channels',
    'feat_channels',
    'feedforward_channels',
    'hid_channels',
    'in_channels',
    'input_features',
    'out_channels',
}
# Sizes of heads with queries that have to follow, or only cost time.
QUERIES = dict(num_feats=WIDTH // 2, num_queries=20, num_layers=2)


def shrink(config: Config, size: int = 64) -> Config:
    """Return a copy whose model trains on a CPU, with the same parts.

    The backbone has four or six narrow blocks and no checkpoint; its outputs
    are at the same fractions of the depth. Training is in fp32 without
    SyncBN. Data and schedule do not change.

    Args:
        config: Config of pretraining, a classifier, a segmentor or a detector
            with one of our backbones.
        size: Edge of the images, a multiple of the patch.
    """
    small = copy.deepcopy(config)
    model = small.model
    widths = _stage_widths(model.backbone)
    SHRINK[model.backbone.type.split('.')[-1]](model.backbone, size)
    model.backbone.init_cfg = None
    widths = dict(zip(widths, _stage_widths(model.backbone)))
    _narrow(model, widths)
    if model.get('auxiliary_head'):
        head = model.auxiliary_head
        head.in_channels = model.decode_head.in_channels[head.in_index]
    replace_sync_bn(model)
    if 'grid' in model.get('decoder', {}):
        with torch.device('meta'):
            edge = MODELS.build(model.backbone).patch_size
        model.decoder.grid = size // edge
    if 'size' in model.data_preprocessor:
        model.data_preprocessor.size = (size, size)
    if model.get('test_cfg', {}).get('mode') == 'slide':
        model.test_cfg.update(crop_size=(size, size), stride=(size // 2,) * 2)
    # mmengine's mixed precision needs a GPU.
    small.optim_wrapper.type = 'OptimWrapper'
    small.optim_wrapper.pop('dtype', None)
    return small


def _shrink_hybrid_net(backbone: dict, size: int) -> None:
    with torch.device('meta'):
        full = MODELS.build(backbone).pattern
    pattern = PATTERNS[''.join(sorted(set(full)))]

    def scaled(blocks: int) -> int:
        return blocks * len(pattern) // len(full)

    if isinstance(backbone.get('out_indices'), tuple | list):
        backbone.out_indices = [
            scaled(i + 1) - 1 for i in backbone.out_indices
        ]
    if backbone.get('frozen_stages', -1) > 0:
        backbone.frozen_stages = scaled(backbone.frozen_stages)
    backbone.arch = dict(
        embed_dims=WIDTH, pattern=pattern, num_heads=4, d_state=4
    )
    backbone.img_size = size


def _shrink_mamba_vision(backbone: dict, size: int) -> None:
    """Six blocks; the last of the four stages is as wide as the rest."""
    backbone.arch = dict(
        embed_dims=WIDTH // 8,
        stem_dims=WIDTH // 8,
        depths=(1, 1, 2, 2),
        num_heads=(2, 4),
        window_sizes=(size // 16, size // 32),
        layer_scale=1e-5,
    )


def _stage_widths(backbone: dict) -> tuple[int, ...]:
    """Channels of each stage if they differ, else empty."""
    with torch.device('meta'):
        return getattr(MODELS.build(backbone), 'widths', ())


SHRINK = {
    'HybridNet': _shrink_hybrid_net,
    'MambaVision': _shrink_mamba_vision,
}


def _narrow(node, widths: dict[int, int]) -> None:
    """Narrow all channels below a node.

    Args:
        node: A node of a model's config.
        widths: New channels of several stages.
    """
    if isinstance(node, list | tuple):
        for item in node:
            _narrow(item, widths)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in WIDTHS and isinstance(value, list | tuple):
            node[key] = [widths.get(w, min(w, WIDTH)) for w in value]
        elif key in WIDTHS:
            node[key] = min(value, WIDTH)
        elif key in QUERIES and isinstance(value, int):
            node[key] = min(value, QUERIES[key])
        else:
            _narrow(value, widths)
