"""Each library's own inferencer, as docs/guides/prediction.md shows it."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

import mmmap  # noqa: F401  registers the models
from tests.inference.conftest import noise
from tests.inference.tiny_models import CLASSES


def test_mmpretrain(models, photos):
    from mmpretrain import get_model, inference_model

    # Other tests have used other libraries in this process.
    init_default_scope('mmpretrain')
    tiny = models['mmpretrain']
    # The name of a config, made small as the checkpoint is.
    small = Config.fromfile(tiny.config).model
    name = 'hybridnet-tiny_8xb128-amp-ft-400e_in1k'
    model = get_model(
        name,
        pretrained=tiny.checkpoint,
        backbone=dict(
            small.backbone, arch=dict(small.backbone.arch, _delete_=True)
        ),
        head=small.head,
    )
    result = inference_model(model, str(photos / 'a.png'))
    assert result['pred_class'] in CLASSES['mmpretrain']
    assert 0 < result['pred_score'] < 1

    from mmpretrain import ImageClassificationInferencer

    inferencer = ImageClassificationInferencer(tiny.config, tiny.checkpoint)
    paths = [str(photos / 'a.png'), str(photos / 'b.jpg')]
    results = inferencer(paths, batch_size=2)
    assert len(results) == 2
    alone = inferencer(paths[0])[0]['pred_scores']
    np.testing.assert_allclose(results[0]['pred_scores'], alone, rtol=1e-4)
    # As the guide says, inference_model takes no model from a file.
    with pytest.raises(NotImplementedError, match='No available inferencer'):
        inference_model(get_model(tiny.config, tiny.checkpoint), paths[0])


def test_mmseg(models, photos, tmp_path):
    from mmseg.apis import MMSegInferencer

    tiny = models['mmseg']
    inferencer = MMSegInferencer(tiny.config, tiny.checkpoint, device='cpu')
    assert inferencer.model.dataset_meta['classes'] == CLASSES['mmseg']
    result = inferencer(str(photos / 'a.png'), out_dir=str(tmp_path / 'out'))
    assert result['predictions'].shape == (48, 64)
    assert result['predictions'].max() < 3
    assert (tmp_path / 'out/vis/a.png').is_file()


def test_mmdet(models, photos, tmp_path):
    from mmdet.apis import DetInferencer

    tiny = models['mmdet']
    inferencer = DetInferencer(tiny.config, tiny.checkpoint, device='cpu')
    result = inferencer(
        [str(photos / 'a.png'), noise()],
        batch_size=2,
        out_dir=str(tmp_path / 'out'),
    )
    first, second = result['predictions']
    assert len(first['labels']) > 0
    assert set(first['labels']) <= {0, 1}
    assert first['labels'] == second['labels']
    assert (tmp_path / 'out/vis/a.png').is_file()
    image = cv2.imread(str(tmp_path / 'out/vis/a.png'))
    assert image.shape == (48, 64, 3)


def test_the_weights_are_those_of_the_checkpoint(models):
    from mmseg.apis import MMSegInferencer

    tiny = models['mmseg']
    torch.manual_seed(5)
    inferencer = MMSegInferencer(tiny.config, tiny.checkpoint, device='cpu')
    expected = tiny.model.state_dict()
    for key, value in inferencer.model.state_dict().items():
        assert torch.equal(value, expected[key]), key
