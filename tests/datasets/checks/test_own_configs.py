"""Configs of the repository on data in the form that they expect."""

import pytest
from mmengine.config import Config
from PIL import Image

from mmmap.datasets.checks import look_at_data
from mmmap.datasets.config_datasets import set_data_root
from tests.datasets.checks.made import errors_of
from tests.helpers import REPO

SHARED = REPO.parent / 'shared' / 'data'
CITYSCAPES = 'mmseg/upernet_map-small_8xb2-80k_cityscapes-512x1024.py'


def test_cityscapes_pairs_by_the_ends_of_names(tmp_path):
    """Beside the class maps lie other pictures of the same scenes."""
    given = Config.fromfile(REPO / 'configs' / CITYSCAPES)
    set_data_root(given, str(tmp_path))
    for split in ('train', 'val'):
        images = tmp_path / 'leftImg8bit' / split / 'bonn'
        maps = tmp_path / 'gtFine' / split / 'bonn'
        images.mkdir(parents=True)
        maps.mkdir(parents=True)
        Image.new('RGB', (8, 4)).save(images / 'bonn_1_leftImg8bit.png')
        labels = Image.new('L', (8, 4), 18)
        labels.save(maps / 'bonn_1_gtFine_labelTrainIds.png')
        Image.new('RGBA', (8, 4)).save(maps / 'bonn_1_gtFine_color.png')
    assert errors_of(given) == []
    (maps / 'bonn_1_gtFine_labelTrainIds.png').unlink()
    (error,) = errors_of(given)
    assert '1 listed file is not there' in error
    (images / 'bonn_1_leftImg8bit.png').rename(images / 'bonn.png')
    (error,) = errors_of(given)
    assert 'holds no images named *_leftImg8bit.png' in error


@pytest.mark.skipif(not SHARED.is_dir(), reason='no ../shared/data')
@pytest.mark.parametrize(
    ('name', 'folder', 'images'),
    [
        ('demo/mask-rcnn_photos.py', 'coco', 310),
        ('demo/upernet_camvid.py', 'camvid', 367),
        ('study/classifier_imagenette.py', 'imagenette128', 9469),
        ('points/demo/map_shapes69.py', 'points', None),
    ],
)
def test_real_data_pass(name, folder, images):
    given = Config.fromfile(REPO / 'configs' / name)
    set_data_root(given, str(SHARED / folder))
    reports = look_at_data(given, ('train', 'val', 'test'))
    assert [str(f) for r in reports for f in r.errors] == []
    assert reports[1].counts.get('images') == images
