import cv2
import numpy as np
import pytest

from tests.helpers import forget_visualizers
from tests.inference.tiny_models import CONFIGS, tiny_model


@pytest.fixture(scope='session')
def models(tmp_path_factory):
    """Config and checkpoint of each library."""
    folder = tmp_path_factory.mktemp('models')
    return {library: tiny_model(library, folder) for library in CONFIGS}


@pytest.fixture(autouse=True)
def own_visualizers():
    forget_visualizers()


def noise(height=48, width=64, seed=0):
    """An image of coloured squares."""
    rng = np.random.default_rng(seed)
    small = rng.integers(256, size=(6, 8, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=0)


@pytest.fixture
def photos(tmp_path):
    """A folder of images of two sizes, some in a folder below."""
    folder = tmp_path / 'photos'
    (folder / 'more').mkdir(parents=True)
    cv2.imwrite(str(folder / 'a.png'), noise())
    cv2.imwrite(str(folder / 'b.jpg'), noise(seed=1))
    cv2.imwrite(str(folder / 'more' / 'c.png'), noise(64, 48, seed=2))
    return folder


@pytest.fixture
def video(tmp_path):
    """Five frames in an AVI of JPEGs."""
    file = tmp_path / 'drive.avi'
    writer = cv2.VideoWriter(
        str(file), cv2.VideoWriter.fourcc(*'MJPG'), 10, (64, 48)
    )
    if not writer.isOpened():
        pytest.skip('this OpenCV writes no videos')
    for index in range(5):
        writer.write(noise(seed=index))
    writer.release()
    return file
