"""The lists of configs are complete and agree with the configs."""

import pytest
import yaml

from tests.configs.test_configs import (
    CONFIGS,
    NAMED,
    built_on_meta,
    config_of,
)
from tests.helpers import REPO

FOLDERS = ('mmpretrain', 'mmseg', 'mmdet')


def load(path):
    return yaml.safe_load((REPO / path).read_text())


def entries():
    for file in load('model-index.yml')['Import']:
        yield from load(file)['Models']


ENTRIES = {
    entry['Config'].removeprefix('configs/'): entry for entry in entries()
}


def test_model_index_lists_every_config():
    assert sorted(ENTRIES) == sorted(NAMED)


def test_model_index_loads_without_a_complaint(monkeypatch, capsys):
    modelindex = pytest.importorskip('modelindex')
    monkeypatch.chdir(REPO)
    index = modelindex.load('model-index.yml')
    assert len(index.models) == len(NAMED)
    assert not index.check(silent=False)
    assert capsys.readouterr().out.strip() == 'All good!'


@pytest.mark.parametrize('name', NAMED)
def test_entry_agrees_with_its_config(name):
    entry, config = ENTRIES[name], config_of(name)
    meta = entry['Metadata']
    assert entry['Name'] == CONFIGS[name].stem
    length = config.train_cfg.get(
        'max_epochs', config.train_cfg.get('max_iters')
    )
    assert meta.get('Epochs', meta.get('Iterations')) == length
    assert meta['Batch Size'] == config.auto_scale_lr.base_batch_size
    model = built_on_meta(name)
    assert meta['Parameters'] == sum(p.numel() for p in model.parameters())
    collections = load(f'configs/{name.split("/")[0]}/metafile.yml')
    known = {c['Name'] for c in collections['Collections']}
    assert entry['In Collection'] in known
    names = {e['Name'] for e in ENTRIES.values()}
    assert meta.get('Pretrained Model', entry['Name']) in names
    assert set(entry.get('Downstream', ())) <= names


@pytest.mark.parametrize('folder', FOLDERS)
def test_readme_has_a_row_for_every_config(folder):
    text = (REPO / 'configs' / folder / 'README.md').read_text()
    for name in NAMED:
        if name.startswith(f'{folder}/'):
            assert text.count(f'({name.split("/")[1]})') == 1, name
            assert f'`tools/dist_train.sh configs/{name} 8`' in text


def test_published_mask_ratio_as_the_readme_sets_it():
    text = (REPO / 'configs/mmpretrain/README.md').read_text()
    block = text.split('--cfg-options model.masking')[1].split('```')[0]
    words = f'model.masking{block}'.replace('\\\n', ' ').split()
    config = config_of(
        'mmpretrain/map_hybridnet-tiny_8xb128-amp-1600e_in1k.py'
    )
    options = {}
    for word in words:
        key, value = word.split('=')
        options[key] = value == 'True' or float(value)
    config.merge_from_dict(options)
    assert config.model.masking.ratio == dict(
        mean=0.5, std=0.25, low=0.3, high=0.7
    )
