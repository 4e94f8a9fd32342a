"""From a folder to a run: what is chosen, written, refused, continued."""

import io
import json
import os
import re
import shlex
import stat
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from PIL import ExifTags, Image

import mmmap
from mmmap.cli import duration, time_left
from mmmap.commands import choices, coco_files, runs
from mmmap.commands import main as main_module
from mmmap.commands.choices import Machine, choose, choose_epochs
from mmmap.commands.images import look
from mmmap.commands.records import read_record
from mmmap.commands.tasks import look_at_data
from mmmap.engine.hooks.progress_line import ProgressLineHook
from mmmap.errors import FileError, InputError
from tests.commands import made
from tests.commands.conftest import call
from tests.forks import command

# Steps enough to save, few enough for a test.
SHORT = ('--epochs', '1', '--repeat', '1', '--batch', '4')


def segment(root, *others):
    folders = ('--images', root / 'photos', '--masks', root / 'masks')
    return ('segment', *folders, '--out', root / 'runs/a b', *others)


@pytest.mark.slow
def test_segment_writes_an_ordinary_run(tmp_path, capsys):
    made.folder(tmp_path)
    assert call(*segment(tmp_path, *SHORT)) == 0
    out = tmp_path / 'runs/a b'
    output = capsys.readouterr()
    assert '10 training images, 2 validation images' in output.out
    assert '3 classes, by the values of the masks' in output.out
    assert 'mmmap predict' in output.out
    assert 'step 2 of 2' in output.err
    assert {p.name for p in out.iterdir()} >= {
        'config.py', 'config_whole.py', 'train.txt', 'val.txt', 'report.html',
        'samples', 'class_maps', 'epoch_1.pth', 'best_mIoU_epoch_1.pth',
    }  # fmt: skip
    page = (out / 'report.html').read_text()
    assert 'samples/train.png' in page
    assert '<title>a b: EncoderDecoder</title>' in page
    assert '<figcaption>class_maps' not in page
    text = (out / 'config.py').read_text()
    assert len(text.splitlines()) < 120
    config = Config.fromfile(out / 'config.py')
    assert config.work_dir == str(out)
    assert config.model.decode_head.num_classes == 3
    assert config.train_dataloader.batch_size == 4
    listed = [
        (out / f'{name}.txt').read_text().splitlines()
        for name in ('train', 'val')
    ]
    assert sorted(sum(listed, [])) == look(tmp_path / 'photos').names
    # The same command again has nothing left to do.
    before = (out / 'epoch_1.pth').stat().st_mtime_ns
    assert call(*segment(tmp_path, *SHORT)) == 0
    assert 'is finished' in capsys.readouterr().out
    assert (out / 'epoch_1.pth').stat().st_mtime_ns == before
    # Another would be another run.
    assert call(*segment(tmp_path, *SHORT, '--lr', '1e-4')) == 1
    assert 'lr was None, is 0.0001' in capsys.readouterr().err


@pytest.mark.slow
def test_train_continues_a_moved_run(tmp_path):
    made.folder(tmp_path)
    assert call(*segment(tmp_path, *SHORT)) == 0
    moved = (tmp_path / 'runs/a b').rename(tmp_path / 'moved')
    file = moved / 'config.py'
    file.write_text(file.read_text().replace('max_epochs=1', 'max_epochs=2'))
    result = command('python', 'tools/train.py', file, '--resume')
    assert result.returncode == 0, result.stderr
    assert (moved / 'epoch_2.pth').is_file()
    assert 'max_epochs=2' in file.read_text()  # and still short
    assert len(file.read_text().splitlines()) < 120


@pytest.mark.slow
def test_ctrl_c_and_the_same_command_again(tmp_path, monkeypatch, capsys):
    made.folder(tmp_path)
    options = ('--epochs', '3', '--repeat', '1', '--batch', '4')
    show = ProgressLineHook.after_train_iter

    def interrupted(hook, runner, *args, **kwargs):
        show(hook, runner, *args, **kwargs)
        if runner.iter == 2:  # the first of the second epoch
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressLineHook, 'after_train_iter', interrupted)
    assert call(*segment(tmp_path, *options)) == 130
    output = capsys.readouterr().err
    assert 'interrupted while training, epoch 2 of 3' in output
    assert 'to continue, run the same command again' in output
    monkeypatch.undo()
    assert call(*segment(tmp_path, *options)) == 0
    out = tmp_path / 'runs/a b'
    assert (out / 'epoch_3.pth').is_file()
    steps = [line['step'] for line in val_scalars(out)]
    assert steps == [1, 2, 3]  # validated once an epoch, none twice


def val_scalars(out):
    files = sorted(out.glob('*/vis_data/scalars.json'))
    rows = [json.loads(x) for f in files for x in f.read_text().splitlines()]
    return [row for row in rows if 'mIoU' in row]


def test_the_line_is_written_over_in_a_terminal():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    hook = ProgressLineHook(screen, 'mIoU')
    scalars = {'train/loss': SimpleNamespace(current=lambda: 0.25)}
    runner = SimpleNamespace(
        iter=0, max_iters=10, epoch=0, max_epochs=5,
        message_hub=SimpleNamespace(
            log_scalars=scalars, runtime_info=dict(best_score=42.25)
        ),
    )  # fmt: skip
    hook.before_train(runner)
    hook.after_train_iter(runner, 0)
    runner.iter = runner.epoch = 2
    hook.before_val_epoch(runner)
    hook.after_val_epoch(runner, {'mIoU': 41.5, 'aAcc': 90.0})
    hook.after_val_epoch(runner, {'mIoU': 40.0})
    hook.close()
    lines = screen.getvalue().rstrip('\n').split('\r')[1:]
    assert [line.split('  ')[:3] for line in lines[::3]] == [
        ['epoch 1 of 5', 'step 1 of 10', 'loss 0.250'],
        ['epoch 3 of 5', 'step 2 of 10', 'loss 0.250'],
    ]
    assert 'now validating' in lines[1]
    assert 'mIoU 40 (best 42.25)' in lines[3]


def test_time_left_at_the_pace_so_far(monkeypatch):
    monkeypatch.setattr('time.monotonic', lambda: 100.0)
    assert time_left(80.0, done=4, total=10) == '30 s left'


def test_durations_as_people_write_them():
    found = [duration(s) for s in (3.6, 89, 91, 3540, 7500)]
    assert found == ['4 s', '89 s', '2 min', '59 min', '2 h 05 min']


@pytest.mark.slow
def test_start_takes_the_network_of_the_pretraining(tmp_path):
    made.folder(tmp_path)
    first = ('pretrain', tmp_path / 'photos', '--out', tmp_path / 'pre')
    assert call(*first, *SHORT, '--patch', '16') == 0
    assert call(*segment(tmp_path, *SHORT, '--start', tmp_path / 'pre')) == 0
    out = tmp_path / 'runs/a b'
    backbone = Config.fromfile(out / 'config.py').model.backbone
    assert backbone.patch_size == 16
    assert backbone.init_cfg.checkpoint == str(tmp_path / 'pre/epoch_1.pth')
    (log,) = out.glob('*/*.log')
    assert re.search(r'loaded .*epoch_1.pth', log.read_text())


@pytest.mark.slow
@pytest.mark.parametrize('outlines', [True, False])
def test_detect(tmp_path, outlines):
    made.coco(tmp_path, outlines=outlines)
    images = ('--images', tmp_path / 'photos')
    coco = ('--coco', tmp_path / 'boxes.json', '--out', tmp_path / 'run')
    assert call('detect', *images, *coco, *SHORT, '--patch', '8') == 0
    config = Config.fromfile(tmp_path / 'run/config.py')
    kind = 'MaskRCNN' if outlines else 'FasterRCNN'
    assert config.model.type == kind
    assert config.model.roi_head.bbox_head.num_classes == 2
    content = json.loads((tmp_path / 'run/annotations/val.json').read_text())
    assert (len(content['images']), len(content['annotations'])) == (2, 4)
    assert (tmp_path / 'run/epoch_1.pth').is_file()


@pytest.mark.slow
def test_classify(tmp_path, capsys):
    made.classes(tmp_path / 'kinds')
    options = ('--out', tmp_path / 'run', '--repeat', '20', '--epochs', '1')
    assert call('classify', tmp_path / 'kinds', *options) == 0
    output = capsys.readouterr().out
    assert '2 classes: blau 6, rot 6' in output
    metric = re.search(r'accuracy/top1: ([\d.]+)', output)
    assert float(metric[1]) == 100  # all red or all blue


def test_a_dry_run_leaves_nothing(tmp_path, capsys):
    made.folder(tmp_path)
    assert call(*segment(tmp_path, '--dry-run', '--hours', '0.0001')) == 0
    output = capsys.readouterr().out
    assert 'time: about' in output
    assert 'the least, but longer than 0.0001 h' in output
    assert not (tmp_path / 'runs').exists()


@pytest.mark.slow
@pytest.mark.parametrize('name', ["it's {b} 5% #1", 'quo"te', 'back\\slash'])
def test_any_name_of_a_folder(tmp_path, name, monkeypatch, capsys):
    made.classes(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    run = f'run of {name}'
    assert call('classify', name, *SHORT, '--out', run) == 0
    output = capsys.readouterr().out
    assert f'mmmap predict {shlex.quote(run)} IMAGES' in output
    config = Config.fromfile(tmp_path / run / 'config.py')
    assert config.work_dir == str(tmp_path / run)
    text = (tmp_path / run / 'config.py').read_text()
    path = shlex.quote(str(tmp_path / run / 'config.py'))
    assert f'tools/train.py {path} --resume' in text
    assert call('report', run) == 0
    assert capsys.readouterr().out == f'{run}/report.html\n'


def test_images_turned_by_exif_need_turned_masks(tmp_path, capsys):
    made.folder(tmp_path, 4, suffixes=('jpg',))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image = made.read(tmp_path / 'photos/Straße a süd.jpg')
    made.save(tmp_path / 'photos/Straße a süd.jpg', image, exif=exif)
    assert call(*segment(tmp_path, '--dry-run')) == 1
    output = capsys.readouterr().err
    assert 'a süd.png is 64x48, its image 48x64 as EXIF turns it' in output
    assert '1 of 4 masks' in output


def test_masks_without_an_image_are_named(tmp_path, capsys):
    made.folder(tmp_path, 4)
    made.save(tmp_path / 'masks/more/x.png', made.scene(0)[1])
    assert call(*segment(tmp_path, '--dry-run')) == 0
    output = capsys.readouterr().out
    assert 'not used: 1 mask without an image: more/x.png' in output


def test_a_json_with_gaps(tmp_path, capsys):
    made.coco(tmp_path)
    file = tmp_path / 'boxes.json'
    content = json.loads(file.read_text())
    first = content['annotations'][0]['image_id']
    for one in content['annotations']:
        if one['image_id'] == first:
            one['image_id'] = 999
    number = sum(a['image_id'] == 999 for a in content['annotations'])
    file.write_text(json.dumps(content))
    data = look_at_data('detect', dict(images=tmp_path / 'photos', coco=file))
    assert f'not used: {number} annotations of images that' in '\n'.join(
        data.lines
    )
    found = coco_files.read(file, data.images)
    names = {image['file_name'] for image in content['images']}
    labelled = {a['image_id'] for a in content['annotations']} - {999}
    assert found.learnt_from(names) == len(labelled) < len(names)


def test_messages_name_the_files_of_the_user(tmp_path, capsys):
    made.coco(tmp_path)
    file = tmp_path / 'boxes.json'
    content = json.loads(file.read_text())
    for one in content['annotations']:
        del one['bbox']
    file.write_text(json.dumps(content))
    given = ('--images', tmp_path / 'photos', '--coco', file)
    assert call('detect', *given, '--out', tmp_path / 'run') == 1
    output = capsys.readouterr().err
    assert f'{file}: ' in output
    assert '.part-' not in output


def test_values_from_python_are_checked(tmp_path):
    made.folder(tmp_path)
    folders = (tmp_path / 'photos', tmp_path / 'masks')
    wrong = dict(
        crop=100, epochs=-1, hours='x', arch='giga', patch=7, val_share=2
    )
    for name, value in (*wrong.items(), ('ignore', ['a'])):
        with pytest.raises(InputError, match=f'{name}[: ].*'):
            mmmap.segment(*folders, out=tmp_path / 'run', **{name: value})
    assert not (tmp_path / 'run').exists()
    assert main_module.checked('segment', dict(ignore=(0, 3), lr='1e-3')) == (
        dict(ignore=[0, 3], lr=1e-3)
    )


def test_the_same_from_python(tmp_path):
    made.folder(tmp_path)
    folders = (tmp_path / 'photos', tmp_path / 'masks')
    out = tmp_path / 'run'
    chosen = mmmap.segment(*folders, out=out, dry_run=True, batch=4, lr=0.1)
    assert (chosen['batch'], chosen['lr'], chosen['arch']) == (4, 0.1, 'mini')
    with pytest.raises(InputError, match='no option epoch; its options are'):
        mmmap.segment(*folders, out=out, epoch=3)
    assert not out.exists()


def test_a_folder_that_is_not_writable(tmp_path, monkeypatch, capsys):
    made.folder(tmp_path)

    def refuse(*args, **kwargs):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(runs.tempfile, 'mkdtemp', refuse)
    assert call(*segment(tmp_path)) == 1
    output = capsys.readouterr().err
    assert 'cannot be written (Permission denied); name another' in output
    assert not (tmp_path / 'runs').exists()


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write anywhere')
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(FileError), runs.new_run(tmp_path / 'run'):
            pass
    finally:
        tmp_path.chmod(0o755)


def test_a_folder_of_something_else_is_kept(tmp_path):
    (tmp_path / 'thesis.tex').write_text('x')
    with pytest.raises(FileError, match='holds no run'):
        read_record(tmp_path / runs.RECORD, 'run')


def test_failed_preparation_leaves_no_folder(tmp_path):
    out = tmp_path / 'deep/run'
    with pytest.raises(InputError), runs.new_run(out) as part:
        (part / 'file').touch()
        raise InputError('no')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('segment', '--images', 'photos', '--masks', 'gone'), 'gone is no'),
        (('pretrain', 'gone'), 'gone does not exist'),
        (('pretrain', 'empty'), 'has no images'),
        (('classify', 'photos'), 'are not in a class folder'),
        (('classify', 'kinds'), 'expected at least 2'),
        (('detect', '--images', 'photos', '--coco', 'no.json'), 'not a JSON'),
        (('segment', '--images', 'one', '--masks', 'one'), '1 image with a'),
        (('pretrain', 'photos', '--start-like'), 'unrecognized'),
    ],
)
def test_what_is_refused_says_what_to_do(
    tmp_path, monkeypatch, capsys, arguments, message
):
    made.folder(tmp_path, 2)
    (tmp_path / 'empty').mkdir()
    made.save(tmp_path / 'kinds/cat/a.png', made.scene(0)[0])
    made.save(tmp_path / 'one/a.png', made.scene(0)[1])
    (tmp_path / 'no.json').write_text('{')
    monkeypatch.chdir(tmp_path)
    try:
        assert call(*arguments, '--out', 'run') == 1
    except SystemExit as end:
        assert end.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()


def test_epochs_end_in_time(tmp_path):
    made.folder(tmp_path, 8)
    images = look(tmp_path / 'photos')
    machine = Machine('cpu', 2)
    chosen = choose('segment', images, 8, machine, dict(hours=0.5))
    assert (chosen.batch, chosen.repeat, chosen.lr) == (8, 50, 2e-3)
    whole = choose_epochs(chosen, 'segment', machine, 8, 1.0, 10.0)
    # 50 steps of 1 s an epoch; 1,800 s less ten validations of 10 s.
    assert chosen.epochs == 8  # 400 passes over 8 images
    assert whole == 8 * 50 + 8 * 10
    whole = choose_epochs(chosen, 'segment', machine, 8, 10.0, 10.0)
    assert chosen.epochs == 3
    assert whole == 3 * 500 + 3 * 10
    assert '--hours 1.2' in chosen.reasons['epochs']


def test_the_rate_goes_with_the_root_of_the_batch(tmp_path):
    made.folder(tmp_path, 4)
    images = look(tmp_path / 'photos')
    given = dict(batch=2)
    chosen = choose('segment', images, 4, Machine('cpu', 2), given)
    assert chosen.lr == pytest.approx(2e-3 * (2 / 8) ** 0.5)
    given = dict(lr=0.5)
    chosen = choose('segment', images, 4, Machine('cpu', 2), given)
    assert (chosen.lr, chosen.reasons['lr']) == (0.5, '--lr')


def test_an_epoch_has_a_batch(tmp_path):
    made.folder(tmp_path, 4)
    images = look(tmp_path / 'photos')
    given = dict(batch=8, repeat=1)
    with pytest.raises(InputError, match='lower --batch or raise --repeat'):
        choose('segment', images, 4, Machine('cpu', 2), given)


def test_every_choice_is_an_option_with_a_reason(tmp_path):
    made.folder(tmp_path, 4)
    images = look(tmp_path / 'photos')
    for task, device in choices.BASES:
        machine = Machine(device, 4, 10 * 2**30)
        chosen = choose(task, images, 4, machine, {})
        choose_epochs(chosen, task, machine, 4, 1.0, 1.0)
        assert chosen.reasons.keys() == chosen.values.keys()
        assert all(chosen.reasons.values())
