"""What `make configs` writes is what is there, and it lists every config."""

import pytest
import yaml

from tests.configs.shipped import NAMED as OF_LIBRARIES
from tests.configs.shipped import built_on_meta, config_of
from tests.configs.test_points import NAMED as ON_POINTS
from tests.helpers import REPO, each
from tools import make_configs

NAMED = [*OF_LIBRARIES, *(f'points/{name}' for name in ON_POINTS)]


def test_the_table_lists_every_config_once():
    paths = [row.path for row in make_configs.rows() if not row.like]
    assert sorted(paths) == sorted(f'configs/{name}' for name in NAMED)


def differing(files):
    return [
        str(path.relative_to(REPO))
        for path, text in files
        if path.read_text() != text
    ]


def listed(folder):
    """The entries of a metafile, by their configs."""
    text = (REPO / 'configs' / folder / 'metafile.yml').read_text()
    return {entry['Config']: entry for entry in yaml.safe_load(text)['Models']}


@pytest.mark.slow
@pytest.mark.parametrize('folder', make_configs.table()['folders'])
def test_nothing_in_a_folder_differs_from_the_table(folder, monkeypatch):
    """The sizes of the models, which take long, have a test of their own."""
    entries = listed(folder)
    monkeypatch.setattr(
        make_configs,
        'parameters',
        lambda path: entries[path]['Metadata']['Parameters'],
    )
    files = make_configs.folder_files(folder)
    assert not differing(files), 'run `make configs`'


@pytest.mark.slow
@each(NAMED)
def test_size_of_a_model(name):
    model, path = built_on_meta(name), f'configs/{name}'
    size = sum(p.numel() for p in model.parameters())
    entry = listed(name.split('/')[0])[path]
    assert entry['Metadata']['Parameters'] == size


def test_nothing_else_differs_from_the_table():
    assert not differing(make_configs.other_files()), 'run `make configs`'


def test_results_are_the_rows_that_were_measured(monkeypatch):
    first, *others = make_configs.rows()
    measured = first._replace(
        paper=70.0,
        ours=71.5,
        hardware='8 A100',
        time='2 days',
        commit='abc1234',
    )
    monkeypatch.setattr(make_configs, 'rows', lambda: [measured, *others])
    *_, line = make_configs.results().splitlines()
    assert line == (
        f'| `{first.path}` | {first.unit} | 70.0 | 71.5 | 8 A100 | '
        '2 days | abc1234 |'
    )


def test_an_entry():
    """As counted and read by hand from the config."""
    name = 'vit-base_8xb128-amp-ft-400e_in1k'
    rows = [row for row in make_configs.rows() if not row.like]
    (row,) = (row for row in rows if row.config == name)
    assert make_configs._entry(row, [row]) == {
        'Name': name,
        'In Collection': 'MAP',
        'Config': f'configs/mmpretrain/{name}.py',
        'Metadata': {
            'Epochs': 400,
            'Batch Size': 1024,
            # 12 blocks, patches, positions, norm, and a head of 1000 classes.
            'Parameters': 12 * (12 * 768**2 + 13 * 768)
            + (768 + 1) * 768
            + 197 * 768
            + 1000 * 769,
            'Pretrained Model': 'map_vit-base_8xb128-amp-1600e_in1k',
            'Top 1 Accuracy of the Paper': 83.6,
        },
        'Results': [
            {
                'Dataset': 'ImageNet-1k',
                'Task': 'Image Classification',
                'Metrics': {'Top 1 Accuracy': None},
            }
        ],
    }


def test_model_index_loads_without_a_complaint(monkeypatch, capsys):
    modelindex = pytest.importorskip('modelindex')
    monkeypatch.chdir(REPO)
    index = modelindex.load('model-index.yml')
    assert len(index.models) == len(NAMED)
    assert not index.check(silent=False)
    assert capsys.readouterr().out.strip() == 'All good!'


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
