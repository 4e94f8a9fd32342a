import cv2
import numpy as np
import pytest
from PIL import Image

from mmmap.inference import InputError, Pictures, Video, source_of
from tests.inference.conftest import noise


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
    assert source.skipped == [photos / 'bad.png']
    assert len(list(source)) == len(source) == 3


def test_nothing_is_left(tmp_path):
    (tmp_path / 'bad.png').write_bytes(b'')
    with pytest.raises(InputError, match='1 of 1 images cannot be read'):
        source_of(tmp_path, skip_bad=True)


def test_what_is_no_input(tmp_path):
    with pytest.raises(InputError, match='there is nothing at'):
        source_of(tmp_path / 'none')
    with pytest.raises(InputError, match='holds no images'):
        source_of(tmp_path)
    (tmp_path / 'text.txt').write_text('x')
    with pytest.raises(InputError, match='no image .* no video .* no folder'):
        source_of(tmp_path / 'text.txt')


def test_a_video(video):
    source = source_of(video)
    assert isinstance(source, Video)
    assert (len(source), source.fps) == (5, 10)
    frames = list(source)
    assert [f.name for f in frames] == [f'drive_{i:06d}' for i in range(5)]
    assert {f.image.shape for f in frames} == {(48, 64, 3)}
    assert not source.skipped


def test_a_video_that_is_none(tmp_path):
    (tmp_path / 'x.mp4').write_bytes(b'no video')
    with pytest.raises(InputError, match='cannot be read as a video'):
        source_of(tmp_path / 'x.mp4')


def test_a_video_of_which_the_end_is_missing(video):
    """Its head still tells of five frames."""
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 3 // 4])
    source = source_of(video, skip_bad=True)
    frames = list(source)
    assert 0 < len(frames) < 5
    assert len(frames) + len(source.skipped) == 5
    with pytest.raises(InputError, match=f'after {len(frames)} of 5 frames'):
        list(source_of(video))


def test_a_video_that_breaks_off(video):
    source = source_of(video)
    source._frames = 7
    with pytest.raises(InputError, match='breaks off after 5 of 7 frames'):
        list(source)
    source = source_of(video, skip_bad=True)
    source._frames = 7
    assert len(list(source)) == 5
    assert source.skipped == ['frame 5', 'frame 6']
