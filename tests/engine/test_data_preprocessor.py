import pytest
import torch
from mmengine.model import ImgDataPreprocessor

import mmmap  # noqa: F401  lets it take any number of channels


@pytest.mark.parametrize('channels', [1, 2, 3, 4, 13])
def test_each_channel_by_its_own_mean_and_deviation(channels):
    mean = [10.0 * i for i in range(channels)]
    std = [1.0 + i for i in range(channels)]
    preprocessor = ImgDataPreprocessor(mean, std)
    images = torch.full((channels, 4, 5), 100.0)
    for inputs in ([images], images[None]):
        (out,) = preprocessor(dict(inputs=inputs))['inputs']
        expected = [(100 - m) / s for m, s in zip(mean, std)]
        assert out[:, 2, 3].tolist() == pytest.approx(expected)
    assert not preprocessor.state_dict()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match='one value for each channel'):
        ImgDataPreprocessor([1.0] * 4, [1.0] * 3)
    with pytest.raises(ValueError, match='for images of 3 channels'):
        ImgDataPreprocessor([1.0] * 4, [1.0] * 4, bgr_to_rgb=True)
