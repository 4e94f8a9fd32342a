import pytest
import torch
from mmengine.analysis.complexity_analysis import FlopAnalyzer
from mmpretrain.registry import MODELS

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
