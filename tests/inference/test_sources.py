from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmmap.datasets.image_folders import named_files
from mmmap.datasets.image_reader import ImageReader
from mmmap.errors import InputError
from mmmap.inference.sources import Pictures, Video
from mmmap.inference.sources import source_of as source_with
from tests.inference.conftest import noise


def source_of(path, skip_bad=False, **loading):
    """With the loading step of a config."""
    load = dict(type='LoadImageFromFile', **loading)
    dataset = dict(pipeline=[load])
    config = dict(test_dataloader=dict(dataset=dataset))
    return source_with(path, ImageReader(config), skip_bad)


def test_a_folder_and_those_below(photos):
    source = source_of(photos)
    assert isinstance(source, Pictures)
    assert [frame.name for frame in source] == ['a', 'b', 'more/c']
    assert len(source) == 3
    first = next(iter(source))
    assert np.array_equal(first.image, noise())


def test_names_that_differ_in_the_suffix_alone(photos):
    cv2.imwrite(str(photos / 'a.jpg'), noise())
    names = [frame.name for frame in source_of(photos)]
    assert names == ['a.jpg', 'a.png', 'b', 'more/c']


@pytest.mark.parametrize(
    ('files', 'names'),
    [
        ('a.jpg a.png a.jpg.png', ['a.jpg', 'a.png', 'a.jpg.png']),
        ('a.jpg a.jpg.png', ['a', 'a.jpg.png']),
        ('A.jpg a.png', ['A.jpg', 'a.png']),
        ('A.jpg a.jpg', ['A.jpg', 'a.jpg-2']),
        ('x/a.jpg y/a.jpg', ['x/a', 'y/a']),
        ('a.jpg a.png/b.jpg', ['a.jpg', 'a.png/b']),
        ('a.b.jpg a.c.jpg', ['a.b', 'a.c']),
    ],
)
def test_each_image_has_its_own_name(files, names):
    files = [Path('in', name) for name in files.split()]
    named = named_files(files, Path('in'))
    assert list(named) == names
    assert list(named.values()) == files
    results = {f'{name}.png'.casefold() for name in names}
    assert len(results) == len(files)
    folders = {str(Path(r).parent) for r in results}
    assert not folders & results


@pytest.mark.parametrize('mode', ['L', 'RGBA', 'CMYK', 'I;16', 'P', '1'])
def test_all_kinds_of_images_become_colour(tmp_path, mode):
    file = tmp_path / ('x.jpg' if mode == 'CMYK' else 'x.png')
    if mode == 'I;16':
        Image.fromarray(np.full((6, 8), 40000, np.uint16)).save(file)
    else:
        Image.new('RGB', (8, 6), (200, 100, 50)).convert(mode).save(file)
    (frame,) = source_of(file)
    assert frame.image.shape == (6, 8, 3)
    assert frame.image.dtype == np.uint8


@pytest.mark.parametrize('suffix', ['.tiff', '.webp', '.JPG'])
def test_other_kinds_of_files(photos, suffix):
    cv2.imwrite(str(photos / f'd{suffix}'), noise())
    names = [frame.name for frame in source_of(photos)]
    assert names == ['a', 'b', 'd', 'more/c']
    assert len(source_of(photos / f'd{suffix}')) == 1


@pytest.mark.parametrize('content', [b'', b'no image', None])
def test_images_that_cannot_be_read(photos, content):
    if content is None:
        content = (photos / 'a.png').read_bytes()[:20]
    (photos / 'bad.png').write_bytes(content)
    with pytest.raises(InputError) as caught:
        source_of(photos)
    assert '1 of 4 images cannot be read' in str(caught.value)
    assert str(photos / 'bad.png') in str(caught.value)
    assert '--skip-bad' in str(caught.value)
    source = source_of(photos, skip_bad=True)
    assert list(source.bad) == [str(photos / 'bad.png')]
    assert len(list(source)) == len(source) == 3


def test_nothing_is_left(tmp_path):
    (tmp_path / 'bad.png').write_bytes(b'')
    with pytest.raises(InputError, match='1 of 1 image cannot be read'):
        source_of(tmp_path, skip_bad=True)


def test_what_is_no_input(tmp_path):
    with pytest.raises(InputError, match='does not exist'):
        source_of(tmp_path / 'none')
    with pytest.raises(InputError, match='has no images'):
        source_of(tmp_path)
    (tmp_path / 'text.txt').write_text('x')
    with pytest.raises(InputError, match='not an image .* or a folder'):
        source_of(tmp_path / 'text.txt')


def test_a_video(video):
    source = source_of(video)
    assert isinstance(source, Video)
    assert (len(source), source.fps) == (5, 10)
    frames = list(source)
    assert [f.name for f in frames] == [f'drive_{i:06d}' for i in range(5)]
    assert {f.image.shape for f in frames} == {(48, 64, 3)}
    assert not source.bad and not source.note


def test_a_file_that_is_not_a_video(tmp_path):
    (tmp_path / 'x.mp4').write_bytes(b'no video')
    with pytest.raises(InputError, match='cannot be read as a video'):
        source_of(tmp_path / 'x.mp4')


def test_a_truncated_video(video):
    """Its header still counts five frames."""
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 3 // 4])
    source = source_of(video)
    frames = list(source)
    assert 0 < len(frames) < 5
    assert f'has {len(frames)} of the 5 frames' in source.note


def test_a_header_that_counts_too_many_frames(video):
    source = source_of(video)
    source._announced = 7
    assert len(list(source)) == 5
    assert 'has 5 of the 7 frames that its header' in source.note


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_half_an_image_is_none(tmp_path, suffix):
    """Decoders fill up what is missing, and a model predicts on that."""
    file = tmp_path / f'x{suffix}'
    cv2.imwrite(str(file), noise(480, 640))
    content = file.read_bytes()
    assert len(list(source_of(file))) == 1
    file.write_bytes(content + b'what a camera adds')
    assert len(list(source_of(file))) == 1
    file.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(InputError, match='is cut off; copy it again'):
        source_of(file)


def test_a_file_damaged_after_the_first_look(photos):
    source = source_of(photos)
    (photos / 'b.jpg').write_bytes(b'')
    assert [frame.name for frame in source] == ['a', 'more/c']
    assert source.bad == {str(photos / 'b.jpg'): f'{photos}/b.jpg is empty'}


def test_images_are_read_as_the_config_reads_them(tmp_path):
    deep = np.full((6, 8, 4), (0, 300, 40000, 65535), np.uint16)
    cv2.imwrite(str(tmp_path / 'x.png'), deep)
    options = dict(color_type='unchanged', imdecode_backend='cv2')
    (frame,) = source_of(tmp_path / 'x.png', **options)
    assert np.array_equal(frame.image, deep)
    (frame,) = source_of(tmp_path / 'x.png', **options, to_float32=True)
    assert frame.image.dtype == np.float32
    (frame,) = source_of(tmp_path / 'x.png', color_type='grayscale')
    assert frame.image.shape[:2] == (6, 8) and frame.image.size == 48


def test_frames_of_a_video_too(video):
    (frame, *_) = source_of(video, color_type='grayscale')
    assert frame.image.size == 48 * 64
