"""Class maps written by rows; large TIFFs read by rows."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from mmmap.datasets import tiff_rows
from mmmap.errors import InputError
from mmmap.inference.label_files import has_place, label_file
from mmmap.inference.overlays import Shrunk


@pytest.mark.parametrize('kind', [np.uint8, np.uint16])
@pytest.mark.parametrize('rows', [1, 7, 50])
def test_png_by_rows_is_the_array(tmp_path, kind, rows):
    array = np.random.default_rng(0).integers(0, 250, (50, 33)).astype(kind)
    array *= kind(1 if kind == np.uint8 else 200)
    file = label_file(tmp_path / 'deep/ä b', 50, 33, kind, 'a.jpg')
    for top in range(0, 50, rows):
        file.write(array[top : top + rows])
    file.close()
    assert file.path == tmp_path / 'deep/ä b.png'
    found = np.asarray(Image.open(file.path))
    assert found.tolist() == array.tolist()


@pytest.mark.parametrize('planar', ['contig', 'separate'])
@pytest.mark.parametrize(
    'stored',
    [
        dict(tile=(16, 32), compression='zlib'),
        dict(rowsperstrip=7, compression='zlib'),
        dict(rowsperstrip=7),
    ],
)
@pytest.mark.parametrize('channels', [1, 3, 5])
def test_rows_of_tiffs(tmp_path, channels, stored, planar):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 60000, (100, 70, channels), dtype=np.uint16)
    pixels = array if planar == 'contig' else array.transpose(2, 0, 1)
    if channels == 1:
        pixels, planar = array[..., 0], None
    tifffile.imwrite(
        tmp_path / 'a.tif',
        pixels,
        planarconfig=planar,
        photometric='rgb' if channels == 3 else 'minisblack',
        **stored,
    )
    rows = tiff_rows.TiffRows(tmp_path / 'a.tif', lambda p: p)
    assert (rows.shape, rows.dtype) == (array.shape, array.dtype)
    for top, bottom in ((0, 1), (3, 50), (90, 200)):
        assert (rows[top:bottom] == array[top:bottom]).all()


def test_only_what_opencv_reads_alike_is_read_by_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_rows, '_LARGE', 100)
    array = np.zeros((40, 40, 3), np.uint8)
    array[..., 0] = 9
    path = tmp_path / 'a.tif'
    tifffile.imwrite(path, array, photometric='rgb', rowsperstrip=2)
    assert tiff_rows.large_rows(path, None)[0:1][0, 0].tolist() == [0, 0, 9]
    tifffile.imwrite(path, array.astype(np.uint16), photometric='rgb')
    assert tiff_rows.large_rows(path, None) is None
    turned = [(274, 'H', 1, 6, True)]
    tifffile.imwrite(path, array, photometric='rgb', extratags=turned)
    assert tiff_rows.large_rows(path, None) is None
    # One strip would be decoded for each band.
    tifffile.imwrite(path, array, photometric='rgb', compression='zlib')
    assert tiff_rows.large_rows(path, None) is None
    monkeypatch.undo()
    assert tiff_rows.large_rows(path, None) is None  # small

    def refuse(pixels, name):
        raise InputError(name)

    monkeypatch.setattr(tiff_rows, '_LARGE', 100)
    tifffile.imwrite(path, array, photometric='rgb', rowsperstrip=2)
    with pytest.raises(InputError, match='a.tif'):
        tiff_rows.large_rows(path, refuse)


def test_a_shrunk_picture_is_every_nth_pixel():
    image = np.random.default_rng(0).integers(
        0, 255, (5000, 30, 3), dtype=np.uint8
    )
    picture = Shrunk(5000, 30)
    assert picture.step == 3
    for top in range(0, 5000, 71):
        rows = image[top : top + 71]
        picture.add(rows, rows[..., 0])
    assert (picture.pixels == image[::3, ::3, ::-1]).all()
    assert (picture.labels == image[::3, ::3, 0]).all()


def test_geotiff_stays_where_it_is(tmp_path):
    rasterio = pytest.importorskip(
        'rasterio', reason='GeoTIFFs are written by rasterio'
    )
    place = rasterio.transform.from_origin(500000, 5300000, 0.2, 0.2)
    image = np.zeros((3, 40, 30), np.uint8)
    options = dict(driver='GTiff', height=40, width=30, count=3)
    with rasterio.open(
        tmp_path / 'a.tif', 'w', dtype='uint8', crs='EPSG:32632',
        transform=place, **options,
    ) as file:  # fmt: skip
        file.write(image)
    assert has_place(tmp_path / 'a.tif')
    labels = np.random.default_rng(0).integers(0, 9, (40, 30), np.uint8)
    file = label_file(tmp_path / 'out/a', 40, 30, np.uint8, tmp_path / 'a.tif')
    for top in range(0, 40, 16):
        file.write(labels[top : top + 16])
    file.close()
    with rasterio.open(tmp_path / 'out/a.tif') as found:
        assert found.crs.to_epsg() == 32632
        assert found.transform == place
        assert (found.read(1) == labels).all()
    assert not has_place(tmp_path / 'out/none.tif')
