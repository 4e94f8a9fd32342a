"""get_flops.py and throughput.py."""

import csv
import re

import pytest
from mmengine.logging import MMLogger

from tests.helpers import REPO, load_tool
from tests.ops.scan_cases import FAST
from tests.tools.tiny_configs import map_config, upernet_config


@pytest.fixture(autouse=True, scope='module')
def logger():
    """Made here: capsys closes the streams of one that is made within it."""
    MMLogger.get_current_instance()


def flops(*arguments):
    tool = load_tool('analysis_tools/get_flops.py')
    return tool.main([str(a) for a in arguments])


def throughput(*arguments):
    tool = load_tool('analysis_tools/throughput.py')
    return tool.main([str(a) for a in arguments])


@pytest.mark.parametrize('backend', FAST)
def test_layers_of_a_classifier(backend, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', backend)
    config = REPO / 'configs/mmpretrain/hybridnet-tiny_8xb128-amp-ft-400e_in1k'
    out = tmp_path / 'layers.csv'
    run = (f'{config}.py', '--shape', 32, 32, '--depth', 3, '--out', out)
    assert flops(*run) == 0
    with open(out) as file:
        rows = {row['name']: row for row in csv.DictReader(file)}
    count = {name: int(row['flops']) for name, row in rows.items()}
    tokens, width, inner, state, rank = 4, 192, 384, 16, 12
    scans = 2 * 9 * tokens * inner * state
    # x_proj and dt_proj of both directions, in_proj and out_proj.
    products = 2 * inner * (2 * rank + 2 * state) + 3 * width * inner
    assert count['backbone.layers.0'] == 2 * tokens * products + scans
    # qkv, the projection, two layers of an MLP as wide as 2 C.
    products = (3 + 1 + 2 + 2) * width**2 + 2 * tokens * width
    assert count['backbone.layers.3'] == 2 * tokens * products
    patches = 2 * tokens * width * 16 * 16 * 3
    assert count['backbone.patch_embed'] == patches
    assert count['head'] == 2 * width * 1000
    assert count[''] == count['backbone'] + count['head']
    parameters = int(rows['backbone']['parameters'])
    assert parameters == pytest.approx(9.33e6, rel=1e-3)
    output = capsys.readouterr().out
    assert '9.524 M parameters' in output
    share = f'{count["head"] / count[""]:.1%}'
    assert re.search(rf'^ *head \(LinearClsHead\).* {share}$', output, re.M)


def test_parts_that_are_not_called_themselves(tmp_path, capsys):
    """mmseg calls the forward of its heads, which no hook sees."""
    config = upernet_config(tmp_path / 'upernet.py')
    out = tmp_path / 'layers.csv'
    assert flops(config, '--depth', 1, '--out', out) == 0
    with open(out) as file:
        rows = list(csv.DictReader(file))
    count = {row['name']: int(row['flops']) for row in rows}
    assert count['auxiliary_head'] == 0
    assert count['decode_head'] > count['neck'] > 0
    parts = [value for name, value in count.items() if name]
    assert sum(parts) == count['']


def test_pretraining_encodes_what_is_visible(tmp_path):
    counts = []
    for ratio in (0.25, 0.75):
        extra = f"\nmodel['masking'] = dict(ratio={ratio})"
        config = map_config(tmp_path / 'map.py', tmp_path, extra=extra)
        out = tmp_path / 'layers.csv'
        assert flops(config, '--depth', 2, '--out', out) == 0
        with open(out) as file:
            rows = {row['name']: row for row in csv.DictReader(file)}
        counts.append({n: int(row['flops']) for n, row in rows.items()})
    more, less = counts
    assert more['head'] == less['head'] > 0
    # Patches are embedded before they are hidden; the rest sees 12 or 4.
    embedded = more['backbone.patch_embed']
    assert embedded == less['backbone.patch_embed'] > 0
    seen = [count['backbone'] - embedded for count in counts]
    assert seen[0] / seen[1] == pytest.approx(3, rel=0.05)


def test_images_per_second(tmp_path, capsys):
    config = upernet_config(tmp_path / 'upernet.py')
    run = (config, '--batch-sizes', 1, 2, '--seconds', 0.05, '--device', 'cpu')
    assert throughput(*run) == 0
    lines = capsys.readouterr().out.splitlines()[-3:]
    assert lines[0].endswith('threads')
    for batch, line in zip((1, 2), lines[1:]):
        speed, took = re.search(r'(\S+) images/s, (\S+) \+-', line).groups()
        assert f'batch {batch:>4}:' in line
        per_image = 1e3 * batch / float(took)
        assert float(speed) == pytest.approx(per_image, rel=0.02)


def test_what_cannot_be_measured(tmp_path, capsys, monkeypatch):
    config = upernet_config(tmp_path / 'upernet.py')
    assert throughput(config, '--batch-sizes', 0) == 1
    assert 'must be positive, got [0]' in capsys.readouterr().err
    assert flops(config, '--depth', -1) == 1
    assert '--depth must not be negative' in capsys.readouterr().err
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', 'reference')
    assert flops(config) == 1
    assert "'reference' scan cannot be counted" in capsys.readouterr().err
    assert flops(tmp_path / 'no.py') == 1
