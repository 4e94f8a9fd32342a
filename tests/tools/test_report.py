"""tools/report.py and plot_logs.py on real runs."""

import cv2
import pytest

from tests.helpers import load_tool
from tests.tools.conftest import call, scalars
from tests.tools.tiny_configs import classifier_config


def report(*arguments):
    return load_tool('report.py').main([str(a) for a in arguments])


def plot(*arguments):
    tool = load_tool('analysis_tools/plot_logs.py')
    return tool.main([str(a) for a in arguments])


def test_a_segmentor(segmentor, digits, tmp_path, capsys):
    out = tmp_path / 'page.html'
    run = (segmentor.work_dir, '--out', out, '--base', segmentor.config)
    assert report(*run) == 0
    page = out.read_text()
    last = scalars(segmentor.work_dir, 'mIoU')[-1]
    assert f'{last["mIoU"]:.6g}' in page
    assert '<td>finished</td><td>yes</td>' in page
    assert '<td>epoch_2.pth</td>' in page
    # The data's folder was an option of the run.
    changed = f"'{digits / 'ade_like'}'".replace("'", '&#x27;')
    assert f'<td>{changed}</td>' in page
    assert 'EncoderDecoder' in page
    assert 'PyTorch' in page
    output = capsys.readouterr().out
    assert 'note: no pictures' in output
    assert 'not finished' not in output


def test_a_classifier(digits, tmp_path, capsys):
    config = classifier_config(
        tmp_path / 'classifier.py', digits / 'imagenet_like'
    )
    work_dir = tmp_path / 'run'
    run = (config, '--work-dir', work_dir)
    assert (
        call('train.py', *run, '--cfg-options', 'train_cfg.max_epochs=1') == 0
    )
    shown = ('--show-dir', work_dir / 'pictures')
    checkpoint = work_dir / 'epoch_1.pth'
    assert call('test.py', config, checkpoint, *run[1:], *shown) == 0
    capsys.readouterr()
    assert report(work_dir, '--base', config) == 0
    page = (work_dir / 'report.html').read_text()
    (top1,) = [
        line['accuracy/top1']
        for line in scalars(work_dir, 'accuracy/top1')
        if 'iter' not in line
    ][:1]
    row = '<td>accuracy/top1</td><td>{0:.6g}</td><td class="number">5</td>'
    assert row.format(top1) in page
    assert f'<td>accuracy/top1</td><td>{top1:.6g}</td></tr>' in page
    assert 'classifier.py: ImageClassifier' in page
    assert '<td>finished</td><td>yes</td>' in page
    # One of each class's folder.
    assert page.count('<figure>') == 10
    assert '<figcaption>pictures/' in page
    assert 'note: ' not in capsys.readouterr().out


def test_pretraining_that_was_stopped_and_resumed(pretrained, tmp_path):
    run = (pretrained.config, '--work-dir', tmp_path)
    one, three = (f'train_cfg.max_epochs={n}' for n in (1, 3))
    assert call('train.py', *run, '--cfg-options', one) == 0
    assert call('train.py', *run, '--resume', '--cfg-options', three) == 0
    (tmp_path / 'epoch_3.pth').unlink()
    assert report(tmp_path, '--base', pretrained.config) == 0
    page = (tmp_path / 'report.html').read_text()
    assert ' (1), ' in page
    assert ' (6)<' in page
    changed = '<td>train_cfg.max_epochs</td><td>1</td><td>3</td>'
    assert changed in page
    assert 'epoch 3 of 3 was logged last' in page
    assert 'no validation was logged' in page


def test_a_folder_that_is_no_run(segmentor, tmp_path, capsys):
    assert report(tmp_path) == 1
    assert 'holds no log, no checkpoint' in capsys.readouterr().err
    assert report(tmp_path / 'nothing') == 1
    base = tmp_path.with_name('base.py')
    base.write_text('model = dict(\n')
    assert report(segmentor.work_dir, '--base', base) == 1
    assert 'base.py, or what it inherits, is not' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_two_runs_in_one_plot(pretrained, segmentor, tmp_path, capsys):
    out = tmp_path / 'curves.png'
    runs = (segmentor.work_dir, pretrained.work_dir, '--out', out)
    assert plot(*runs) == 0
    one_row = cv2.imread(str(out)).shape
    assert plot(*runs, '--keys', 'loss', '--names', 'b', 'a') == 0
    one_panel = cv2.imread(str(out)).shape
    # loss, aAcc, mIoU, mAcc: three panels above one.
    assert one_row[0] == 2 * one_panel[0]
    assert one_row[1] == pytest.approx(3 * one_panel[1], abs=2)


def test_plots_that_cannot_be(pretrained, tmp_path, capsys):
    run = (pretrained.work_dir, '--out', tmp_path / 'x.png')
    assert plot(*run, '--keys', 'mIoU') == 1
    error = capsys.readouterr().err
    assert 'no run logged mIoU; there are: ' in error
    assert 'grad_norm' in error
    assert plot(*run, '--names', 'a', 'b') == 1
    assert list(tmp_path.iterdir()) == []
