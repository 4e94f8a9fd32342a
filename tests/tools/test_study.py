"""The study: runs that are kept, numbers that are summed up."""

import json
import math
import re

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.forks import command
from tests.helpers import REPO, load_tool
from tests.tools.studies import runs_of, written


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


def kept(run, **changes):
    content = result(run.row.name, run.seed, 1.0) | dict(
        task=run.task.name, metric=run.task.metric
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
        kept(lane[-1])
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
    """A folder with the same files may be anywhere, or absent by now."""
    for place in ('here', 'there', 'another'):
        data = tmp_path / place / 'ade_like'
        data.mkdir(parents=True)
        (data / 'x.png').write_text('1' if place == 'another' else '12')
        (data / '.cache').write_text(place)
    out = ('--out', tmp_path / 'out', '--data-root')
    (tmp_path / 'out').mkdir()
    _, lanes = runs_of(table[1], *out, tmp_path / 'here')
    kept(lanes[0][0], files=lanes[0][0].files)
    for place in ('here', 'there', 'nowhere'):
        _, lanes = runs_of(table[1], *out, tmp_path / place)
        assert lanes[0][0].done()
    _, lanes = runs_of(table[1], *out, tmp_path / 'another')
    with pytest.raises(ValueError, match='run with other data: files of '):
        lanes[0][0].done()


def test_a_result_under_another_name_is_not_taken(table, tmp_path):
    _, lanes = runs_of(table[1], '--out', tmp_path)
    kept(lanes[0][0], seed=4)
    with pytest.raises(ValueError, match=r"of another run \({'seed': 4}\)"):
        lanes[0][0].done()


# A result, but for its value.
NAN = '{"row": "a", "task": "t", "seed": 1, "metric": "m", "value": NaN}'


@pytest.mark.parametrize('text', ['{', '[]', '{}', '{"value": null}', NAN])
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


def test_too_few_images_are_found_before_the_first_run(tmp_path, capsys):
    for index in range(20):
        for split in ('train', 'val'):
            folder = tmp_path / 'imagenette128' / split / f'{index % 10}'
            folder.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(index).integers(255, size=(9, 9, 3))
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(folder / f'{split}{index}.png')
    argv = [str(REPO / 'configs/study/labels.yml'), '--rows', 'none']
    argv += ['--tasks', '50 labels a class', '--data-root', str(tmp_path)]
    study = load_tool('study.py')
    assert study.main([*argv, '--out', str(tmp_path / 'out')]) == 1
    assert '10 classes of 50 examples' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


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
    _, lanes = runs_of(table[1], '--out', tmp_path)
    run = lanes[0][0]
    assert run.epochs == 2
    log(run, '1', dict(epoch=1, step=5, loss=1.0), dict(mIoU=5.0, step=1))
    assert run.value() is None
    assert run.argv()[0].name == 'train.py'
    run.last.write_text('a checkpoint')
    assert run.argv()[0].name == 'test.py'
    assert run.argv()[2] == run.last
    with pytest.raises(ValueError, match='no mIoU after epoch 2.* nothing'):
        run.keep(1.0)
    folder = run.work_dir / '2'
    folder.mkdir()
    (folder / '2.json').write_text(json.dumps(dict(mIoU=7.0, aAcc=9.0)))
    assert run.value() == 7.0
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
    _, lanes = runs_of(table[1], '--out', tmp_path)
    run = lanes[0][0]
    log(run, '1', dict(mIoU=5.0, step=2))
    with open(run.work_dir / '1/vis_data/scalars.json', 'a') as scalars:
        scalars.write('\n{"mIoU": 6')
    assert run.value() == 5.0


def test_a_diverged_run_is_no_result(table, tmp_path):
    _, lanes = runs_of(table[1], '--out', tmp_path)
    run = lanes[0][0]
    log(run, '1', dict(mIoU=math.nan, step=2))
    with pytest.raises(ValueError, match='seed 3 has diverged: its mIoU is n'):
        run.keep(1.0)
    assert not run.result.exists()


def test_results_are_kept_without_git(table, tmp_path, monkeypatch):
    _, lanes = runs_of(table[1], '--out', tmp_path)
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
    bases = dict(MAP='none', none='none')
    text = summary.table(values, bases)
    # The differences 1 and 3 of the seeds that both have.
    assert '| MAP | 3 | 6.00 +- 4.00 | +2.00 +- 1.00 | 2 | none |' in text
    assert '| none | 2 | 2.00 +- 1.41 | | | |' in text
    del values['t, mIoU']['none'][1]
    text = summary.table(values, bases)
    assert '| MAP | 3 | 6.00 +- 4.00 | +1.00 | 1 | none |' in text
    del values['t, mIoU']['none']
    assert '| MAP | 3 | 6.00 +- 4.00 | | | |' in summary.table(values, bases)


def test_fractions_have_four_decimals():
    """mmdet's AP lies between 0 and 1."""
    summary = load_tool('experiments/summary.py')
    values = {'t, AP': {'none': {0: 0.02, 1: 0.015}, 'MAP': {0: 0.034}}}
    text = summary.table(values, dict(MAP='none', none='none'))
    assert '| none | 2 | 0.0175 +- 0.0035 | | | |' in text
    assert '| MAP | 1 | 0.0340 | +0.0140 | 1 | none |' in text


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
    text = (out / 'table.md').read_text()
    assert f'| MAE | 1 | {kept["value"]:.2f} |' in text
    assert (out / 'table.png').stat().st_size > 5000
    values = (out / 'table.csv').read_text().splitlines()
    assert values[1:] == [f'segments,mIoU,MAE,3,{kept["value"]:.4f}']
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
