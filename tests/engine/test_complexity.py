import pytest
import torch
from mmengine.analysis.complexity_analysis import FlopAnalyzer
from mmpretrain.registry import MODELS
from torch.utils.flop_counter import FlopCounterMode

from mmmap.models.layers.attention import Attention
from tests.ops.scan_cases import FAST

OPERATORS = dict(torch='scan_chunks', cpp='scan_forward_cpp')


@pytest.mark.parametrize('backend', FAST)
def test_mmengine_counts_the_scan(backend, monkeypatch):
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', backend)
    arch = dict(embed_dims=16, pattern='MTM', num_heads=2, d_state=4)
    model = MODELS.build(
        dict(type='HybridNet', arch=arch, img_size=32, patch_size=8)
    ).eval()
    analyzer = FlopAnalyzer(model, torch.randn(1, 3, 32, 32))
    analyzer.unsupported_ops_warnings(False)
    analyzer.uncalled_modules_warnings(False)
    counted = analyzer.by_operator()[OPERATORS[backend]]
    blocks, directions, tokens, channels, state = 2, 2, 16, 32, 4
    assert counted == blocks * directions * 9 * tokens * channels * state


def test_both_counters_see_attention():
    """Torch's had no formula for the CPU's kernel, mmengine's none at all."""
    attention = Attention(16, num_heads=2).eval().requires_grad_(False)
    x = torch.randn(3, 5, 16)
    scores = 3 * 2 * 5 * 5 * 8  # images, heads, pairs of tokens, their width
    analyzer = FlopAnalyzer(attention, x)
    analyzer.unsupported_ops_warnings(False)
    counted = analyzer.by_operator()['scaled_dot_product_attention']
    assert counted == 2 * scores
    with FlopCounterMode(display=False) as counter:
        attention(x)
    layers = 2 * 15 * 16 * 16 * (3 + 1)
    assert counter.get_total_flops() == 4 * scores + layers
