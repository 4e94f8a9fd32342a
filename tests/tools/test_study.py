"""The study: tables, runs that are kept, numbers that are summed up."""

import dataclasses
import json
import math
import re

import pytest
import yaml
from mmengine.config import Config

from tests.forks import command
from tests.helpers import load_tool
from tests.tools.tiny_configs import map_config, upernet_config


@pytest.fixture
def table(tmp_path, digits):
    """A study of two rows and one task, in YAML, as a dict and its file."""
    content = dict(
        seeds=[3, 4],
        pretraining=dict(
            config=str(map_config(tmp_path / 'map.py', 'data')),
            data='imagenet_like',
        ),
        tasks=[
            dict(
                name='segments',
                config=str(upernet_config(tmp_path / 'upernet.py')),
                data='ade_like',
                metric='mIoU',
            )
        ],
        rows=[
            dict(name='none', pretrained=False),
            dict(name='MAE', options={'model.decoder.attention': 'full'}),
        ],
    )
    file = tmp_path / 'table.yml'
    file.write_text(yaml.safe_dump(content))
    return content, file


def runs_of(file, *options):
    study = load_tool('study.py')
    args = study.parse_args([str(file), *map(str, options)])
    return study, study.lanes(study.Study(file), args)


def written(run):
    """The config that a run is trained with."""
    run.write()
    assert run.argv()[1] == run.file
    return Config.fromfile(run.file)


def test_lanes_are_pretraining_then_tasks_for_each_seed(table, tmp_path):
    _, lanes = runs_of(table[1], '--out', tmp_path, '--data-root', 'where')
    names = [[run.name for run in lane] for lane in lanes]
    assert names == [
        ['none_segments_seed3'],
        ['MAE_pretraining_seed3', 'MAE_segments_seed3'],
        ['none_segments_seed4'],
        ['MAE_pretraining_seed4', 'MAE_segments_seed4'],
    ]
    pretraining, task = lanes[1]
    assert pretraining.options() == {
        'randomness.seed': 3,
        'model.decoder.attention': 'full',
    }
    assert task.start is pretraining
    start = written(task).model.backbone.init_cfg
    assert start.checkpoint == str(pretraining.last)
    assert start.prefix == 'backbone.'
    assert task.options()['randomness.seed'] == 3
    assert 'model.decoder.attention' not in task.options()
    # Also where the config has a checkpoint of its own.
    assert written(lanes[0][0]).model.backbone.init_cfg is None


def test_rows_share_a_pretraining_and_tune_their_tasks(table, tmp_path):
    content, file = table
    rate = 'optim_wrapper.optimizer.lr'
    content['rows'].append(
        dict(name='MAE fast', start='MAE', downstream={rate: 0.5})
    )
    content['tasks'][0]['seeded'] = ['train_cfg.val_interval']
    content['tasks'][0]['arguments'] = ['--amp']
    file.write_text(yaml.safe_dump(content))
    _, lanes = runs_of(file, '--out', tmp_path, '--seeds', 3)
    pretraining, slow, fast = lanes[1]
    assert slow.start == fast.start == pretraining
    assert rate not in pretraining.options() | slow.options()
    assert fast.options()[rate] == 0.5
    assert fast.options()['train_cfg.val_interval'] == 3
    assert '--amp' in fast.argv() and '--amp' not in pretraining.argv()
    _, lanes = runs_of(file, '--out', tmp_path, '--rows', 'MAE fast')
    assert [r.name for r in lanes[0]] == [pretraining.name, fast.name]


def test_only_some(table, tmp_path):
    options = ('--rows', 'MAE', '--seeds', 4, '--out', tmp_path)
    _, lanes = runs_of(table[1], *options)
    assert [run.seed for lane in lanes for run in lane] == [4, 4]


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
    'a key of a row': (lambda c: c['rows'][0].update(x=1), "argument 'x'"),
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
    with pytest.raises(ValueError, match='is not a table|it has nothing'):
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


def kept(run, **changes):
    content = result(run.row.name, run.seed, 1.0) | dict(
        metric=run.task.metric
    )
    run.result.parent.mkdir(exist_ok=True)
    run.result.write_text(
        json.dumps({**content, 'settings': run.settings(), **changes})
    )


def test_a_result_of_other_settings_is_not_taken(table, tmp_path, capsys):
    content, file = table
    _, lanes = runs_of(file, '--out', tmp_path)
    for run in lanes[1]:
        kept(run)
        assert run.done()
    content['rows'][1]['options']['model.decoder.depth'] = 3
    file.write_text(yaml.safe_dump(content))
    study, lanes = runs_of(file, '--out', tmp_path)
    # The task starts from a pretraining that has changed.
    for run in lanes[1]:
        with pytest.raises(ValueError, match='run with other settings'):
            run.done()
    assert not lanes[0][0].done()
    assert study.main([str(file), '--out', str(tmp_path), '--summary']) == 1
    assert 'run with other settings' in capsys.readouterr().err


def test_a_result_that_is_not_chosen_is_checked_too(table, tmp_path, capsys):
    content, file = table
    study, lanes = runs_of(file, '--out', tmp_path)
    kept(lanes[0][0])
    content['tasks'][0]['options'] = {'train_cfg.max_epochs': 1}
    file.write_text(yaml.safe_dump(content))
    argv = [str(file), '--out', str(tmp_path), '--rows', 'MAE', '--summary']
    assert study.main(argv) == 1
    assert 'none_segments_seed3.json was run with' in capsys.readouterr().err


def test_a_summary_is_of_the_runs_of_the_table(table, tmp_path, capsys):
    content, file = table
    study, lanes = runs_of(file, '--out', tmp_path)
    for lane in lanes:
        kept(lane[-1], task='segments')
    argv = [str(file), '--out', str(tmp_path), '--summary']
    assert study.main(argv) == 0
    assert '| none | 2 |' in capsys.readouterr().out
    content['seeds'] = [4]
    file.write_text(yaml.safe_dump(content))
    # What a kill left while it was written.
    (tmp_path / 'runs/.x.json').write_text('')
    assert study.main(argv) == 0
    assert '| none | 1 |' in capsys.readouterr().out
    assert study.main([*argv, '--rows', 'MAE', '--out', str(file)]) == 1


def test_a_result_of_another_metric_is_not_taken(table, tmp_path):
    content, file = table
    _, lanes = runs_of(file, '--out', tmp_path)
    kept(lanes[0][0])
    content['tasks'][0]['metric'] = 'mAcc'
    file.write_text(yaml.safe_dump(content))
    _, lanes = runs_of(file, '--out', tmp_path)
    with pytest.raises(ValueError, match='has mIoU, and the table asks for m'):
        lanes[0][0].done()


def test_a_training_of_other_settings_is_not_resumed(
    table, tmp_path, digits, capsys
):
    content, file = table
    out = tmp_path / 'out'
    study, lanes = runs_of(file, '--out', out, '--data-root', digits)
    pretraining, task = lanes[1]
    for run in (pretraining, task):
        run.write()
    task.work_dir.mkdir(parents=True)
    study.check([pretraining, task])
    content['rows'][1]['options']['model.decoder.depth'] = 3
    file.write_text(yaml.safe_dump(content))
    argv = [str(file), '--out', str(out), '--data-root', str(digits)]
    assert study.main(argv) == 1
    error = capsys.readouterr().err
    assert 'MAE_segments_seed3 was begun with other settings' in error


def test_a_result_on_other_data_is_not_taken(table, tmp_path):
    _, lanes = runs_of(table[1], '--out', tmp_path, '--data-root', 'here')
    kept(lanes[0][0])
    _, lanes = runs_of(table[1], '--out', tmp_path, '--data-root', 'there')
    with pytest.raises(ValueError, match='run with other settings .the data'):
        lanes[0][0].done()


@pytest.mark.parametrize('text', ['{', '[]', '{}', '{"value": null}'])
def test_a_broken_result_is_named(table, tmp_path, text):
    _, lanes = runs_of(table[1], '--out', tmp_path)
    kept(lanes[0][0])
    lanes[0][0].result.write_text(text)
    with pytest.raises(ValueError, match='none_segments_seed3.json is no'):
        lanes[0][0].done()


def test_nothing_is_run_without_the_data(table, tmp_path, capsys):
    study = load_tool('study.py')
    argv = [str(table[1]), '--out', str(tmp_path / 'out')]
    assert study.main([*argv, '--data-root', str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert re.search('no folder .*ade_like, the data of', error)
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
    tables = sorted((study.ROOT / 'configs/study').glob('*.yml'))
    assert tables
    for table in tables:
        seed = study.Study(table).seeds[0]
        chosen = '--seeds', seed, '--rows', 'MAP'
        for run in sum(runs_of(table, *chosen)[1], []):
            study.rehearse(run)
            run = dataclasses.replace(run, out=tmp_path)
            assert settings_of(written(run)) == settings_of(run.config)


def test_two_studies_do_not_share_a_folder(tmp_path):
    study = load_tool('study.py')
    another = pytest.raises(ValueError, match='another study is running')
    with study.alone(tmp_path), another, study.alone(tmp_path):
        pass


def log(run, start, *lines):
    folder = run.work_dir / start / 'vis_data'
    folder.mkdir(parents=True)
    text = '\n'.join(map(json.dumps, lines))
    (folder / 'scalars.json').write_text(text)


def test_the_number_is_that_of_the_last_epoch(table, tmp_path):
    """One killed while it validated is tested, not taken at an earlier one."""
    study, lanes = runs_of(table[1], '--out', tmp_path)
    run = lanes[0][0]
    assert run.epochs == 2
    log(run, '1', dict(epoch=1, step=5, loss=1.0), dict(mIoU=5.0, step=1))
    assert study.last_value(run) is None
    assert run.argv()[0].name == 'train.py'
    run.last.write_text('a checkpoint')
    assert run.argv()[0].name == 'test.py'
    assert run.argv()[2] == run.last
    with pytest.raises(ValueError, match='no mIoU after epoch 2.* nothing'):
        run.keep(1.0)
    folder = run.work_dir / '2'
    folder.mkdir()
    (folder / '2.json').write_text(json.dumps(dict(mIoU=7.0, aAcc=9.0)))
    assert study.last_value(run) == 7.0
    assert run.argv()[0].name == 'train.py'
    run.keep(1.0)
    assert json.loads(run.result.read_text())['value'] == 7.0


def test_what_is_tested_is_what_is_validated(table, tmp_path):
    content, file = table
    content['tasks'][0]['options'] = {'val_dataloader.batch_size': 3}
    file.write_text(yaml.safe_dump(content))
    _, lanes = runs_of(file, '--out', tmp_path)
    config = written(lanes[0][0])
    assert config.test_dataloader == config.val_dataloader
    assert config.test_dataloader.batch_size == 3
    assert config.test_evaluator == config.val_evaluator


def test_any_value_is_trained_with(table, tmp_path):
    """Also what a command line cannot hold."""
    content, file = table
    values = {
        'randomness': dict(seed=0, text='a, b', parts=[dict(x=math.inf)]),
        'optim_wrapper.optimizer.lr': '1e-3',
    }
    content['tasks'][0]['options'] = values
    file.write_text(yaml.safe_dump(content))
    _, lanes = runs_of(file, '--out', tmp_path / 'a, b')
    config = written(lanes[1][1])
    assert config.randomness == dict(values['randomness'], seed=3)
    assert config.optim_wrapper.optimizer.lr == 1e-3
    start = config.model.backbone.init_cfg.checkpoint
    assert start == str(lanes[1][0].last) and 'a, b' in start
    assert not {'inf', 'nan'} & config.keys()


def test_a_cut_line_of_a_log_is_left(table, tmp_path):
    study, lanes = runs_of(table[1], '--out', tmp_path)
    run = lanes[0][0]
    log(run, '1', dict(mIoU=5.0, step=2))
    with open(run.work_dir / '1/vis_data/scalars.json', 'a') as scalars:
        scalars.write('\n{"mIoU": 6')
    assert study.last_value(run) == 5.0


def test_results_are_kept_without_git(table, tmp_path, monkeypatch):
    study, lanes = runs_of(table[1], '--out', tmp_path)
    run = lanes[0][0]
    log(run, '1', dict(mIoU=5.0, step=2))
    monkeypatch.setenv('PATH', str(tmp_path))
    run.keep(1.0)
    assert json.loads(run.result.read_text())['commit'] == 'unknown'


def test_a_ratio_may_be_drawn(table, tmp_path):
    content, file = table
    drawn = dict(mean=0.5, std=0.25, low=0.3, high=0.7)
    content['rows'][1]['options'] = {'model.masking.ratio': drawn}
    file.write_text(yaml.safe_dump(content))
    _, lanes = runs_of(file, '--out', tmp_path)
    assert lanes[1][0].config.model.masking.ratio == drawn
    assert written(lanes[1][0]).model.masking.ratio == drawn


def result(row, seed, value):
    return dict(row=row, task='t', metric='mIoU', seed=seed, value=value)


def test_means_deviations_and_differences():
    summary = load_tool('experiments/summary.py')
    runs = [result('none', seed, v) for seed, v in ((0, 1.0), (1, 3.0))]
    runs += [result('MAP', seed, v) for seed, v in ((0, 2.0), (1, 6.0))]
    runs += [result('MAP', 2, 10.0)]
    values = summary.by_row(runs, ['MAP', 'none'], ['t'])
    assert list(values['t, mIoU']) == ['MAP', 'none']
    row, base = values['t, mIoU'].values()
    assert summary.mean_and_deviation(list(row.values())) == (6.0, 4.0)
    # Of the seeds that both have: 1 and 3.
    mean, error = summary.difference(row, base)
    assert (mean, error) == (2.0, pytest.approx(math.sqrt(2) / math.sqrt(2)))
    text = summary.table(values, dict(MAP='none', none='none'))
    assert '| MAP | 3 | 6.00 +- 4.00 | +2.00 +- 1.00 | none |' in text
    assert '| none | 2 | 2.00 +- 1.41 |  |  |' in text


@pytest.mark.slow
def test_a_study_from_beginning_to_end(table, digits, tmp_path):
    """It leaves results, runs nothing twice, and continues with a new seed."""
    out = tmp_path / 'out'
    argv = ['python', 'tools/study.py', table[1], '--out', out]
    argv += ['--data-root', digits, '--seeds', 3, '--rows', 'MAE']
    done = command(*argv)
    assert done.returncode == 0, done.stdout + done.stderr
    files = sorted((out / 'runs').iterdir())
    assert [file.stem for file in files] == [
        'MAE_pretraining_seed3',
        'MAE_segments_seed3',
    ]
    kept = json.loads(files[1].read_text())
    assert kept['options']['randomness.seed'] == 3
    assert 0 <= kept['value'] <= 100
    text = (out / 'results.md').read_text()
    assert f'| MAE | 1 | {kept["value"]:.2f} |' in text
    assert (out / 'results.png').stat().st_size > 5000
    again = command(*argv)
    assert again.returncode == 0
    assert again.stdout.count('done already') == 2
    assert json.loads(files[1].read_text()) == kept
    # As if it had been killed before the validation.
    files[1].unlink()
    (scalars,) = out.glob('work_dirs/MAE_seg*/*/vis_data/scalars.json')
    lines = scalars.read_text().splitlines()
    scalars.write_text('\n'.join(x for x in lines if 'mIoU' not in x))
    assert command(*argv).returncode == 0
    assert list(out.glob('work_dirs/MAE_seg*/*/*.json'))  # of tools/test.py
    assert json.loads(files[1].read_text())['value'] == kept['value']
