"""The table of a study: what is refused, before anything runs."""

import dataclasses
import json
import re

import pytest
import yaml

from tests.helpers import REPO, load_tool
from tests.tools.studies import runs_of, written


def broken(content, change):
    content = json.loads(json.dumps(content))
    change(content)
    return yaml.safe_dump(content)


def rename(kind, name):
    return lambda content: content[kind][0].update(name=name)


def option(key, value):
    return lambda content: content['rows'][1]['options'].update({key: value})


WRONG = {
    'no seeds': (lambda c: c.update(seeds=[]), 'seeds must be a list'),
    'one seed': (lambda c: c.update(seeds=3), 'seeds must be a list, got 3'),
    'names as seeds': (lambda c: c.update(seeds=['a']), 'seeds must be'),
    'rows of names': (lambda c: c.update(rows=['a']), 'rows must be a list'),
    'a named pretraining': (
        lambda c: c['pretraining'].update(name='x'),
        'takes no name',
    ),
    'no pretraining': (lambda c: c.update(pretraining=None), 'must have'),
    'a number as a name': (rename('rows', 5), 'name cannot be 5'),
    'a path as a name': (rename('rows', '../b'), "made of .* got '../b'"),
    'an underscore': (rename('tasks', 'a_b'), "made of .* got 'a_b'"),
    'one name in files': (
        lambda c: (
            c['rows'].append(dict(name='M E', pretrained=False))
            or c['rows'].append(dict(name='M-E', pretrained=False))
        ),
        'name given twice: M-E',
    ),
    'options as a list': (
        lambda c: c['rows'][1].update(options=['x']),
        'options cannot be',
    ),
    'options of nothing': (
        lambda c: c['rows'][0].update(options={'model.decoder.depth': 1}),
        'no pretraining of its own, so its options',
    ),
    'a start that is no row': (
        lambda c: c['rows'][0].update(pretrained=True, start='MAP'),
        "none starts from 'MAP', which is not a row",
    ),
    'a start without pretraining': (
        lambda c: c['rows'][1].update(options={}, start='none'),
        "MAE starts from 'none', which is not a row with a pretraining",
    ),
    'a base that is no row': (
        lambda c: c['rows'][1].update(base='scratch'),
        "MAE has no base 'scratch'",
    ),
    'a misspelt part': (
        option('network.decoder.attention', 'full'),
        'has no network, which network.decoder.attention would change',
    ),
    'a misspelt setting': (
        option('randomness.sed', 3),
        'has no randomness.sed',
    ),
    'the default': (
        lambda c: c['rows'].extend(
            dict(name=name, options=options)
            for name, options in (
                ('a', {}),
                ('b', {'model.masking.type': 'RandomMasking'}),
            )
        ),
        'row given twice: the same runs',
    ),
    'a start of another network': (
        lambda c: c['rows'].append(
            dict(
                name='x',
                start='MAE',
                everywhere={'model.backbone.arch.pattern': 'TTTT'},
            )
        ),
        "x starts from 'MAE' and must have the same everywhere",
    ),
    'a start of nothing': (
        lambda c: c['rows'].append(
            dict(name='x', pretrained=False, start='MAE')
        ),
        "x starts from 'MAE' and has pretrained: false",
    ),
    'a misspelt key of the seed': (
        lambda c: c['tasks'][0].update(seeded=['train_cfg.x.fold']),
        'has no x, which train_cfg.x.fold would change',
    ),
    'a number as an argument': (
        lambda c: c['tasks'][0].update(arguments=[1]),
        'arguments cannot be',
    ),
    'a number as a key': (
        lambda c: c['tasks'][0].update(options={1: 2}),
        'options cannot be {1: 2}',
    ),
    'a place after the last': (
        option('optim_wrapper.optimizer.betas.2', 0.9),
        'has no optim_wrapper.optimizer.betas.2',
    ),
    'an option in one that is gone': (
        lambda c: c['tasks'][0].update(options={'randomness': None}),
        "cannot have {'randomness': None, 'randomness.seed': 3}",
    ),
    'row twice': (lambda c: c['rows'].append(c['rows'][1]), 'name given'),
    'same content': (
        lambda c: c['rows'].append(dict(c['rows'][1], name='other')),
        'row given twice: the same runs',
    ),
    'seed twice': (lambda c: c['seeds'].append(3), 'seed given twice: 3'),
    'a key too many': (lambda c: c.update(more=1), 'it has .*more'),
    'a key of a row': (
        lambda c: c['rows'][0].update(x=1),
        'none has x, which is none of name',
    ),
    'no config': (
        lambda c: c['tasks'][0].update(config='configs/no.py'),
        'there is no configs/no.py',
    ),
}


@pytest.mark.parametrize('name', WRONG)
def test_wrong_tables_are_refused(table, name):
    content, file = table
    change, message = WRONG[name]
    file.write_text(broken(content, change))
    with pytest.raises(ValueError, match=message):
        load_tool('study.py').Study(file)


@pytest.mark.parametrize(
    'text', ['', '- a', 'rows: [', 'a: "', 'text: a', b'\xff']
)
def test_what_is_no_table_is_refused(tmp_path, text):
    file = tmp_path / 'table.yml'
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    problem = 'is not a table|is empty or a list|it has nothing'
    with pytest.raises(ValueError, match=problem):
        load_tool('study.py').Study(file)
    with pytest.raises(FileNotFoundError, match='there is no table'):
        load_tool('study.py').Study(tmp_path / 'absent.yml')


def test_a_table_inherits(table, tmp_path):
    rows = [dict(name='raw', options={'model.decoder.depth': 1})]
    file = tmp_path / 'more.yml'
    file.write_text(yaml.safe_dump(dict(_base_=table[1].name, rows=rows)))
    tool = load_tool('study.py')
    study, base = tool.Study(file), tool.Study(table[1])
    assert [row.name for row in study.rows] == ['raw']
    assert study.rows[0].options == rows[0]['options']
    assert (study.seeds, study.tasks) == (base.seeds, base.tasks)


@pytest.mark.parametrize('option', ['rows', 'tasks', 'seeds'])
def test_unknown_names_are_refused(table, tmp_path, option, capsys):
    study = load_tool('study.py')
    argv = [str(table[1]), '--out', str(tmp_path / 'out'), f'--{option}', '9']
    assert study.main(argv) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: the study has no 9; it has')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    'change, message',
    [
        (option('model.decoder.attention', 'fulll'), 'pretraining: .*fulll'),
        (
            lambda c: c['tasks'][0].update(metric='coco/mIoU'),
            "segments: .*'coco/mIoU'; its metrics begin with no prefix",
        ),
        (
            lambda c: c['tasks'][0].update(options={'val_evaluator': None}),
            'segments: .* measures nothing',
        ),
        (
            lambda c: c['tasks'][0].update(
                options={'optim_wrapper.optimizer.lr': -1}
            ),
            'segments: optim_wrapper.optimizer.lr is -1',
        ),
        (
            lambda c: c['tasks'][0].update(
                options={'train_dataloader.dataset.folt': 1}
            ),
            r'segments: the data sets[^~]*folt',
        ),
        (
            lambda c: c['tasks'][0].update(arguments=['--ampp']),
            r"segments: .* cannot take the arguments \['--ampp'\]",
        ),
    ],
)
def test_nothing_is_run_that_will_fail(
    table, tmp_path, digits, change, message, capsys
):
    content, file = table
    file.write_text(broken(content, change))
    study = load_tool('study.py')
    argv = [str(file), '--out', str(tmp_path / 'out')]
    assert study.main([*argv, '--data-root', str(digits)]) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / 'out').exists()


def settings_of(config):
    """All but what a study sets by itself, as text."""
    content = {
        key: value
        for key, value in config.to_dict().items()
        if not key.startswith('test_')
    }
    content['model']['backbone'].pop('init_cfg', None)
    return json.dumps(content, sort_keys=True)


def test_tables_of_the_project_can_be_run(tmp_path):
    """Their metrics exist, and what is written is what is meant."""
    study = load_tool('study.py')
    tables = sorted((REPO / 'configs/study').glob('*.yml'))
    assert tables
    for table in tables:
        seed = study.Study(table).seeds[0]
        chosen = '--seeds', seed, '--rows', 'MAP'
        for run in sum(runs_of(table, *chosen)[1], []):
            arguments = [*run.task.arguments, '--no-data-check']
            task = dataclasses.replace(run.task, arguments=arguments)
            study.rehearse(dataclasses.replace(run, task=task))
            run = dataclasses.replace(run, out=tmp_path)
            assert settings_of(written(run)) == settings_of(run.config)
