"""Pictures of predictions, in each of several processes."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch
from mmengine.dist import utils
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer

from mmmap.engine.hooks import PredictionPictureHook
from mmmap.engine.hooks.prediction_pictures import _root_of


def test_each_process_draws_what_it_tested(tmp_path, monkeypatch):
    """mmengine's visualizers draw nothing in others than the first."""
    path = tmp_path / 'images/a.png'
    path.parent.mkdir()
    cv2.imwrite(str(path), np.full((8, 8, 3), 90, np.uint8))
    monkeypatch.setattr(utils, 'is_main_process', lambda group=None: False)
    asked = utils.is_main_process
    hook = PredictionPictureHook(str(tmp_path / 'shown'))
    meta = dict(classes=('a', 'b'), palette=[[0, 0, 0], [255, 0, 0]])
    dataset = SimpleNamespace(metainfo=meta, data_root=str(tmp_path))
    runner = SimpleNamespace(
        cfg=dict(default_scope='mmseg'),
        model=torch.nn.Identity(),
        test_dataloader=SimpleNamespace(dataset=dataset),
        visualizer=SegLocalVisualizer(alpha=1.0),
    )
    hook.before_test(runner)
    labels = torch.ones(1, 8, 8, dtype=torch.long)
    sample = SegDataSample(metainfo=dict(img_path=str(path)))
    sample.pred_sem_seg = PixelData(data=labels)
    hook.after_test_iter(runner, 0, outputs=[sample])
    drawn = cv2.imread(str(tmp_path / 'shown/images/a.png'))
    assert (drawn[..., 2] > drawn[..., 0]).mean() > 0.5  # red, as class b
    assert utils.is_main_process is asked


def test_no_picture_replaces_another(tmp_path):
    hook = PredictionPictureHook(str(tmp_path / 'out'))
    one, two = (SimpleNamespace(data_root=str(tmp_path / x)) for x in 'ab')
    hook._root = _root_of(SimpleNamespace(datasets=[one, two]))
    assert hook._root == tmp_path
    images = ['a/x.jpg', 'a/x.png', 'a/x.jpg.png', 'b/x.jpg']
    files = [hook._file(tmp_path / image) for image in images]
    assert [str(f.relative_to(tmp_path / 'out')) for f in files] == [
        'a/x.jpg.png',
        'a/x.png',
        'a/x.jpg.png.png',
        'b/x.jpg.png',
    ]
    elsewhere = hook._file(Path('/elsewhere/x.jpg'))
    assert elsewhere == tmp_path / 'out/elsewhere/x.jpg.png'
