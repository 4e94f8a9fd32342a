import pytest
import torch
from mmengine.analysis.complexity_analysis import FlopAnalyzer
from mmpretrain.registry import MODELS

from mmmap.ops.backend import choose


@pytest.mark.skipif(
    choose('selective_scan', 'cpu').name == 'torch',
    reason='mmmap._C is not built',
)
def test_mmengine_counts_the_scan():
    arch = dict(embed_dims=16, pattern='MTM', num_heads=2, d_state=4)
    model = MODELS.build(
        dict(type='HybridNet', arch=arch, img_size=32, patch_size=8)
    ).eval()
    analyzer = FlopAnalyzer(model, torch.randn(1, 3, 32, 32))
    analyzer.unsupported_ops_warnings(False)
    analyzer.uncalled_modules_warnings(False)
    counted = analyzer.by_operator()['scan_forward_cpp']
    blocks, directions, tokens, channels, state = 2, 2, 16, 32, 4
    assert counted == blocks * directions * 9 * tokens * channels * state
