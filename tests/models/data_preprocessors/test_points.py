import pytest
import torch
from mmpretrain.structures import DataSample

from mmmap.models.data_preprocessors import PointDataPreprocessor


def test_clouds_are_stacked():
    clouds = [torch.rand(5, 3).half(), torch.rand(5, 3).half()]
    samples = [object(), object()]
    batch = PointDataPreprocessor()(dict(inputs=clouds, data_samples=samples))
    assert batch['inputs'].dtype == torch.float32
    assert torch.equal(batch['inputs'], torch.stack(clouds).float())
    assert batch['data_samples'] == samples
    assert PointDataPreprocessor()(dict(inputs=clouds))['data_samples'] is None


def test_bad_clouds():
    prepare = PointDataPreprocessor()
    with pytest.raises(ValueError, match=r'equally many points.*SamplePoints'):
        prepare(dict(inputs=[torch.rand(5, 3), torch.rand(6, 3)]))
    with pytest.raises(ValueError, match='point 2 of sample 1'):
        clouds = torch.rand(2, 4, 3)
        clouds[1, 2] = torch.inf
        prepare(dict(inputs=clouds))
    samples = [
        DataSample(metainfo=dict(path=f'{name}.ply', sample_idx=index))
        for index, name in enumerate('ab')
    ]
    for batch in (clouds, [torch.rand(5, 3), torch.rand(6, 3)]):
        with pytest.raises(ValueError, match='samples are a.ply 0, b.ply 1$'):
            prepare(dict(inputs=batch, data_samples=samples))
    with pytest.raises(ValueError, match='no batch augmentations'):
        PointDataPreprocessor(batch_augments=dict(augments='Mixup'))
