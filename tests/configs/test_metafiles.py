"""The lists of configs are complete and agree with the configs."""

import functools
import re

import pytest
import yaml

from tests.configs.test_configs import NAMED as OF_LIBRARIES
from tests.configs.test_configs import built_on_meta, config_of
from tests.configs.test_points import NAMED as ON_POINTS
from tests.helpers import REPO, each

FOLDERS = ('mmpretrain', 'mmseg', 'mmdet', 'points')
NAMED = [*OF_LIBRARIES, *(f'points/{name}' for name in ON_POINTS)]

# Of a row, where it is not for eight GPUs.
COMMANDS = {'points': 'python tools/train.py {}'}


@functools.cache
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


@each(NAMED)
def test_entry_agrees_with_its_config(name):
    entry, config = ENTRIES[name], config_of(name)
    meta = entry['Metadata']
    assert f'{entry["Name"]}.py' == name.split('/')[1]
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


@each(ON_POINTS)
def test_the_paper_s_numbers_are_named_and_are_those_of_the_config(name):
    found = {
        key: value
        for key, value in ENTRIES[f'points/{name}']['Metadata'].items()
        if key.endswith(' of the Paper')
    }
    header = (REPO / 'configs/points' / name).read_text().split('_base_')[0]
    number = re.search(r'^# Paper: ([\d.]+) (top-1|instance)', header, re.M)
    expected = [number[1]] if number else []
    assert [str(value) for value in found.values()] == expected
    (result,) = ENTRIES[f'points/{name}']['Results'] or [None]
    for key in found:
        metric = key.removesuffix(' of the Paper')
        assert result['Metrics'] == {metric: None}


@pytest.mark.parametrize('folder', FOLDERS)
def test_readme_has_a_row_for_every_config(folder):
    text = (REPO / 'configs' / folder / 'README.md').read_text()
    for name in NAMED:
        if name.startswith(f'{folder}/'):
            assert text.count(f'({name.split("/")[1]})') == 1, name
            command = COMMANDS.get(folder, 'tools/dist_train.sh {} 8')
            assert f'`{command.format(f"configs/{name}")}`' in text


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
