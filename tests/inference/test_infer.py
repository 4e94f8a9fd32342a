"""The command line, on an image, a folder and a video."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmmap.checkpoints import read_checkpoint
from mmmap.inference.predictors import meta_of
from tests.helpers import REPO, load_tool
from tests.inference.conftest import noise
from tests.inference.tiny_models import CLASSES, PALETTE


def run(*arguments):
    """The status of ``tools/infer.py``."""
    try:
        return load_tool('infer.py').main([str(a) for a in arguments])
    except SystemExit as end:
        return end.code


def infer(tiny, source, out, *options):
    return run(tiny.config, tiny.checkpoint, source, '--out', out, *options)


def lines(folder):
    text = (folder / 'predictions.jsonl').read_text()
    return [json.loads(line) for line in text.splitlines()]


def pictures(folder):
    files = sorted((folder / 'pictures').rglob('*.png'))
    names = [str(f.relative_to(folder / 'pictures')) for f in files]
    return names, [cv2.imread(str(file)) for file in files]


@pytest.mark.slow
@pytest.mark.parametrize('library', CLASSES)
def test_a_folder(models, photos, tmp_path, library, capsys):
    out = tmp_path / 'out'
    options = ('--batch-size', 2, '--min-score', 0)
    assert infer(models[library], photos, out, *options) == 0
    output = capsys.readouterr()
    assert output.out.endswith(f'{out}: predictions on 3 images\n')
    assert [line['image'] for line in lines(out)] == ['a', 'b', 'more/c']
    names, images = pictures(out)
    assert names == ['a.png', 'b.png', 'more/c.png']
    shapes = [image.shape for image in images]
    assert shapes == [(48, 64, 3), (48, 64, 3), (64, 48, 3)]
    assert not np.array_equal(images[0], noise())
    # Alone or in a batch, the same.
    alone = tmp_path / 'alone'
    assert infer(models[library], photos / 'a.png', alone, *options[2:]) == 0
    compare(lines(alone)[0], lines(out)[0])


def compare(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        if key in ('scores', 'bboxes', 'score'):
            np.testing.assert_allclose(value, other[key], rtol=1e-3, atol=1e-3)
        elif key != 'masks':
            assert value == other[key]


def test_classes(models, photos, tmp_path):
    tiny, out = models['mmpretrain'], tmp_path / 'out'
    assert infer(tiny, photos / 'a.png', out, '--save', 'predictions') == 0
    (line,) = lines(out)
    assert line['name'] == CLASSES['mmpretrain'][line['label']]
    assert os.listdir(out) == ['predictions.jsonl']


def several_labels(tiny, folder, head):
    """Another head on the classifier, with weights of its own."""
    config = Config.fromfile(tiny.config)
    config.model.head = dict(type=head, num_classes=3, in_channels=16, thr=0.5)
    config.model.head.in_channels = tiny.model.head.in_channels
    config.model.head.loss = dict(type='CrossEntropyLoss', use_sigmoid=True)
    config.model.train_cfg = None
    init_default_scope('mmpretrain')
    model = MODELS.build(config.model)
    torch.nn.init.zeros_(model.head.fc.weight)
    model.head.fc.bias.data[:] = torch.tensor([3.0, -2.0, 0.5])
    config.dump(folder / 'config.py')
    meta = dict(dataset_meta=dict(classes=('car', 'bus', 'tram')))
    content = dict(state_dict=model.state_dict(), meta=meta)
    torch.save(content, folder / 'weights.pth')
    return folder / 'config.py', folder / 'weights.pth'


def test_several_labels_of_an_image(models, photos, tmp_path):
    """All above the threshold, with their scores."""
    made = several_labels(
        models['mmpretrain'], tmp_path, 'MultiLabelLinearClsHead'
    )
    out = tmp_path / 'out'
    assert run(*made, photos, '--out', out) == 0
    for line in lines(out):
        assert line['labels'] == [0, 2]
        assert line['names'] == ['car', 'tram']
        expected = torch.tensor([3.0, 0.5]).sigmoid().tolist()
        assert line['scores'] == pytest.approx(expected)
    assert len(pictures(out)[0]) == 3


def test_class_maps(models, photos, tmp_path):
    out = tmp_path / 'out'
    assert infer(models['mmseg'], photos / 'a.png', out) == 0
    (line,) = lines(out)
    labels = cv2.imread(str(out / line['class_map']), cv2.IMREAD_UNCHANGED)
    assert (labels.shape, labels.dtype) == ((48, 64), np.uint8)
    assert sum(line['shares'].values()) == pytest.approx(1)
    for index, name in enumerate(CLASSES['mmseg']):
        share = (labels == index).mean()
        assert line['shares'].get(name, 0) == pytest.approx(share)


def test_colours_of_the_picture(models, tmp_path):
    """Of the palette, on an image that is black."""
    cv2.imwrite(str(tmp_path / 'x.png'), np.zeros((48, 64, 3), np.uint8))
    out = tmp_path / 'out'
    assert infer(models['mmseg'], tmp_path / 'x.png', out) == 0
    labels = cv2.imread(str(out / 'class_maps/x.png'), -1)
    _, (image,) = pictures(out)
    label = np.bincount(labels.ravel()).argmax()
    colours = image[..., ::-1][labels == label]
    values, counts = np.unique(colours, axis=0, return_counts=True)
    found = values[counts.argmax()].astype(float)
    expected = np.array(PALETTE[label], float)
    assert np.allclose(
        found / found.max(), expected / expected.max(), atol=0.1
    )


def test_detections_below_the_score_are_left_out(models, photos, tmp_path):
    tiny = models['mmdet']
    assert (
        infer(tiny, photos / 'a.png', tmp_path / 'all', '--min-score', 0) == 0
    )
    (line,) = lines(tmp_path / 'all')
    scores = line['scores']
    assert len(scores) == len(line['bboxes']) == len(line['masks']) > 1
    assert line['masks'][0]['size'] == [48, 64]
    assert set(line['names']) <= set(CLASSES['mmdet'])
    least = (max(scores) + min(scores)) / 2
    some = tmp_path / 'some'
    assert infer(tiny, photos / 'a.png', some, '--min-score', least) == 0
    (line,) = lines(some)
    assert line['scores'] == [s for s in scores if s >= least]


def test_a_video(models, video, tmp_path):
    out = tmp_path / 'out'
    assert infer(models['mmseg'], video, out, '--batch-size', 2) == 0
    assert sorted(os.listdir(out)) == [
        'class_maps',
        'drive.mp4',
        'predictions.jsonl',
    ]
    assert len(lines(out)) == len(os.listdir(out / 'class_maps')) == 5
    capture = cv2.VideoCapture(str(out / 'drive.mp4'))
    assert capture.get(cv2.CAP_PROP_FPS) == 10
    frames = 0
    while capture.read()[0]:
        frames += 1
    assert frames == 5


def test_bad_images_are_skipped_when_asked(models, photos, tmp_path, capsys):
    (photos / 'bad.png').write_bytes(b'')
    out = tmp_path / 'out'
    assert infer(models['mmseg'], photos, out, '--skip-bad') == 0
    assert 'skipped 1 unusable image: ' in capsys.readouterr().out
    assert len(lines(out)) == 3


def test_a_file_that_fails_late_costs_no_prediction(
    models, photos, tmp_path, capsys, monkeypatch
):
    """It is read at the start, and no step of the pipeline takes it then."""
    from mmseg.datasets.transforms import PackSegInputs

    pack = PackSegInputs.transform

    def picky(self, results):
        if results['img_path'].endswith('b.jpg'):
            raise IndexError('not this one')
        return pack(self, results)

    monkeypatch.setattr(PackSegInputs, 'transform', picky)
    tiny, out = models['mmseg'], tmp_path / 'out'
    assert infer(tiny, photos, out) == 1
    output = capsys.readouterr()
    assert f'{out}: predictions on 2 images' in output.out
    assert 'b.jpg cannot be used: PackSegInputs: IndexError' in output.err
    assert [line['image'] for line in lines(out)] == ['a', 'more/c']
    assert infer(tiny, photos, tmp_path / 'skipped', '--skip-bad') == 0


def test_a_short_palette_and_too_few_names(models, photos, tmp_path):
    for library in ('mmseg', 'mmdet'):
        tiny = models[library]
        content = read_checkpoint(tiny.checkpoint)
        content['meta']['dataset_meta'] = dict(
            classes=CLASSES[library][:1], palette=PALETTE[:1]
        )
        path = tmp_path / f'{library}.pth'
        torch.save(content, path)
        out = tmp_path / library
        options = ('--out', out, '--min-score', 0)
        assert run(tiny.config, path, photos, *options) == 0
        assert len(pictures(out)[0]) == 3
        (line, *_) = lines(out)
        names = set(line.get('shares', line.get('names')))
        known = {CLASSES[library][0], '1', '2'}
        assert names <= known and len(names) > 1


def test_another_number_of_channels_is_refused(models, tmp_path, capsys):
    tiny = models['mmseg']
    text = Path(tiny.config).read_text()
    before = "dict(type='LoadImageFromFile')"
    assert before in text
    path = tmp_path / 'unchanged.py'
    path.write_text(
        text.replace(before, before[:-1] + ", color_type='unchanged')")
    )
    cv2.imwrite(str(tmp_path / 'x.png'), np.zeros((48, 64, 4), np.uint8))
    error = refused(
        capsys, tmp_path, path, tiny.checkpoint, tmp_path / 'x.png'
    )
    assert 'x.png has 4 channels' in error and 'the model takes 3' in error


def refused(capsys, tmp_path, *arguments):
    """The one line printed; nothing is written."""
    before = sorted(tmp_path.rglob('*'))
    assert run(*arguments, '--out', tmp_path / 'new' / 'out') == 1
    assert sorted(tmp_path.rglob('*')) == before
    error = capsys.readouterr().err
    assert 'Traceback' not in error
    return error.rpartition('\nerror: ')[2]


def test_bad_input(models, photos, tmp_path, capsys):
    tiny = models['mmseg']
    config, checkpoint = tiny.config, tiny.checkpoint
    (photos / 'bad.png').write_bytes(b'')

    def output(*arguments):
        return refused(capsys, tmp_path, *arguments)

    assert 'no config at none.py' in output(
        'none.py', checkpoint, photos / 'a.png'
    )
    assert 'no checkpoint at none.pth' in output(
        config, 'none.pth', photos / 'a.png'
    )
    assert 'none does not exist' in output(config, checkpoint, 'none')
    assert '1 of 4 images cannot be read' in output(config, checkpoint, photos)
    assert '--batch-size must be at least 1' in output(
        config, checkpoint, photos / 'a.png', '--batch-size', 0
    )
    for score in (-0.1, 1.5, 'nan'):
        assert '--min-score must be from 0 to 1' in output(
            config, checkpoint, photos / 'a.png', '--min-score', score
        )
    pretraining = 'configs/study/map_digits.py'
    assert 'has no test_dataloader' in output(
        pretraining, checkpoint, photos / 'a.png'
    )


@pytest.mark.parametrize('library', CLASSES)
@pytest.mark.parametrize('kind', ['other', 'headless', 'cut'])
def test_checkpoints_that_do_not_fit(
    models, photos, tmp_path, capsys, library, kind
):
    tiny = models[library]
    path = tmp_path / 'weights.pth'
    content = read_checkpoint(tiny.checkpoint)
    weights = content['state_dict']
    if kind == 'other':
        weights = {f'other.{key}': value for key, value in weights.items()}
    if kind == 'headless':
        last = list(weights)[-1]
        weights = {k: v for k, v in weights.items() if k != last}
    torch.save({**content, 'state_dict': weights}, path)
    if kind == 'cut':
        path.write_bytes(path.read_bytes()[:5000])
    error = refused(capsys, tmp_path, tiny.config, path, photos / 'a.png')
    expected = dict(
        other=': none of its tensors has one',
        headless='1 missing',
        cut='truncated',
    )
    assert expected[kind] in error


@pytest.mark.parametrize(
    ('config', 'count', 'last'),
    [
        (
            'mmpretrain/hybridnet-tiny_8xb128-amp-ft-400e_in1k.py',
            1000,
            'tissue',
        ),
        ('mmseg/upernet_map-tiny_ade20k.py', 150, 'flag'),
        ('mmdet/mask-rcnn_map-tiny_8xb2-1x_coco.py', 80, 'toothbrush'),
    ],
)
def test_names_of_a_library_s_data_set(config, count, last):
    config = Config.fromfile(REPO / 'configs' / config)
    classes = meta_of(dict(meta={}), config)['classes']
    assert len(classes) == count
    assert last in classes[-1]


def test_names_come_from_the_config_where_a_checkpoint_has_none(
    models, photos, tmp_path
):
    tiny = models['mmseg']
    path = tmp_path / 'weights.pth'
    weights = read_checkpoint(tiny.checkpoint)['state_dict']
    torch.save(dict(state_dict=weights), path)
    out = tmp_path / 'out'
    assert run(tiny.config, path, photos / 'a.png', '--out', out) == 0
    (line,) = lines(out)
    names = {'background', 'first thing', 'second thing'}
    assert set(line['shares']) <= names


def test_safetensors(models, photos, tmp_path):
    pytest.importorskip('safetensors')
    tiny = models['mmdet']
    publish = load_tool('publish_model.py').main
    assert publish([tiny.checkpoint, str(tmp_path / 'x.safetensors')]) == 0
    (path,) = tmp_path.glob('x-*.safetensors')
    out = tmp_path / 'out'
    options = ('--out', out, '--min-score', 0)
    assert run(tiny.config, path, photos / 'a.png', *options) == 0
    (line,) = lines(out)
    assert set(line['names']) <= set(CLASSES['mmdet'])


def test_names_that_are_not_utf8(models, photos, tmp_path):
    """OpenCV ends the process where it is given such a name."""
    folder = tmp_path / 'in'
    folder.mkdir()
    other = Path(os.fsdecode(os.fsencode(folder) + b'/\xe9.png'))
    try:
        other.write_bytes((photos / 'a.png').read_bytes())
    except OSError:
        pytest.skip('this file system takes no such name')
    out = tmp_path / 'out'
    assert infer(models['mmseg'], folder, out) == 0
    (line,) = lines(out)
    assert (out / line['class_map']).is_file()
    assert (out / 'pictures' / other.name).is_file()
    video = other.with_suffix('.mp4')
    video.write_bytes(b'0')
    assert infer(models['mmseg'], video, tmp_path / 'no') == 1
