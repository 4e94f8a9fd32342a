import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.helpers import load_tool

imagenet = load_tool('dataset_converters/prepare_imagenet.py')
coco = load_tool('dataset_converters/prepare_coco.py')
ade20k = load_tool('dataset_converters/prepare_ade20k.py')
TOOLS = {'imagenet': imagenet, 'coco': coco, 'ade20k': ade20k}
LINKS = {
    'imagenet': 'imagenet',
    'coco': 'coco',
    'ade20k': 'ade/ADEChallengeData2016',
}
WNIDS = ['n01440764', 'n02102040']


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (8, 6)).save(path)


def make_imagenet(root):
    for wnid in WNIDS:
        write_image(root / f'train/{wnid}/{wnid}_1.JPEG')
        write_image(root / f'val/{wnid}/val_{wnid}.JPEG')


def make_coco(root):
    for split in ('train2017', 'val2017'):
        write_image(root / split / '1.jpg')
        image = {'id': 1, 'file_name': '1.jpg', 'width': 8, 'height': 6}
        box = {'bbox': [1, 1, 4, 3], 'area': 12}
        content = {
            'images': [image],
            'annotations': [{'id': 1, 'image_id': 1, 'category_id': 1, **box}],
            'categories': [{'id': 1, 'name': 'person'}],
        }
        path = root / f'annotations/instances_{split}.json'
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))


def make_ade20k(root):
    for split in ('training', 'validation'):
        write_image(root / f'images/{split}/1.jpg')
        path = root / f'annotations/{split}/1.png'
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full((6, 8), 150, np.uint8)).save(path)


MAKE = {
    'imagenet': make_imagenet,
    'coco': make_coco,
    'ade20k': make_ade20k,
}
each_tool = pytest.mark.parametrize('name', TOOLS)


@pytest.fixture
def root(tmp_path, name):
    MAKE[name](tmp_path / 'root')
    return tmp_path / 'root'


def tree(folder):
    """Every path below a folder, with the target of links."""
    return {
        path: path.readlink() if path.is_symlink() else None
        for path in folder.rglob('*')
    }


@each_tool
def test_a_subset_is_linked_where_configs_look(root, name, tmp_path, capsys):
    data = tmp_path / 'data'
    command = [str(root), '--subset', '--link', str(data)]
    assert TOOLS[name].main(command) == 0
    assert (data / LINKS[name]).readlink() == root
    assert 'Complete.' in capsys.readouterr().out
    before = tree(tmp_path)
    assert TOOLS[name].main(command) == 0
    assert tree(tmp_path) == before


@each_tool
def test_official_numbers_are_asked_for_and_nothing_linked(
    root, name, tmp_path, capsys
):
    before = tree(tmp_path)
    assert TOOLS[name].main([str(root), '--link', str(tmp_path / 'd')]) == 1
    text = capsys.readouterr().out
    for number in TOOLS[name].OFFICIAL.values():
        assert re.search(f'images? found, {number:,} expected', text)
    assert 'Expected' in text
    assert 'http' in text
    assert tree(tmp_path) == before


@each_tool
@pytest.mark.parametrize('empty', [False, True])
def test_a_root_that_holds_nothing(tmp_path, name, empty, capsys):
    root = tmp_path / 'root'
    if empty:
        root.mkdir()
    assert TOOLS[name].main([str(root), '--subset']) == 1
    reason = 'is empty' if empty else 'does not exist'
    assert f': {root} {reason}\n' in capsys.readouterr().out


@each_tool
def test_something_else_at_the_destination_is_kept(
    root, name, tmp_path, capsys
):
    place = tmp_path / 'data' / LINKS[name]
    place.mkdir(parents=True)
    (place / 'mine').write_text('keep')
    before = tree(tmp_path)
    command = [str(root), '--subset', '--link', str(tmp_path / 'data')]
    assert TOOLS[name].main(command) == 1
    assert f'{place} exists already' in capsys.readouterr().err
    assert tree(tmp_path) == before


@pytest.mark.parametrize('name', ['ade20k'])
def test_ade20k_classes_and_the_folder_above(root, name, tmp_path, capsys):
    assert ade20k.main([str(root), '--subset', '--num-classes', '11']) == 1
    output = capsys.readouterr().out
    assert 'the class 149, counted from 0, of 11 classes' in output
    above = tmp_path / 'above'
    above.mkdir()
    root.rename(above / 'ADEChallengeData2016')
    assert ade20k.main([str(above), '--subset']) == 0


@pytest.mark.parametrize('name', ['coco'])
def test_coco_names_the_missing_image(root, name, capsys):
    (root / 'val2017/1.jpg').rename(root / 'val2017/2.jpg')
    assert coco.main([str(root), '--subset']) == 1
    text = capsys.readouterr().out
    assert f'1 listed file is not there: {root}/val2017/1.jpg' in text


@pytest.mark.parametrize('name', ['imagenet'])
def test_imagenet_class_folders_must_agree(root, name, capsys):
    (root / 'val' / WNIDS[0]).rename(root / 'val/fish')
    assert imagenet.main([str(root), '--subset']) == 1
    text = capsys.readouterr().out
    assert 'such as n01440764, the first: fish' in text
    assert '2 are in one only, the first: fish' in text


VAL_LISTS = {
    'by_name.txt': 'ILSVRC2012_val_00000001.JPEG n02102040\n'
    'ILSVRC2012_val_00000002.JPEG n01440764\n',
    'by_number.txt': 'ILSVRC2012_val_00000001.JPEG 1\n'
    'ILSVRC2012_val_00000002.JPEG 0\n',
    'LOC_val_solution.csv': 'ImageId,PredictionString\n'
    'ILSVRC2012_val_00000001,n02102040 1 2 3 4 n02102040 5 6 7 8\n'
    'ILSVRC2012_val_00000002,n01440764 1 2 3 4\n',
    # The numbers of the devkit are not in the order of the ids.
    'ILSVRC2012_validation_ground_truth.txt': '1\n2\n',
}


def flatten(root):
    """Take the class folders of val away, as in the official tar."""
    for number, wnid in ((1, WNIDS[1]), (2, WNIDS[0])):
        image = root / f'val/{wnid}/val_{wnid}.JPEG'
        image.rename(root / f'val/ILSVRC2012_val_{number:08d}.JPEG')
        image.parent.rmdir()


def write_val_list(tmp_path, filename):
    path = tmp_path / filename
    path.write_text(VAL_LISTS[filename])
    synsets = np.array(
        [(1, WNIDS[1]), (2, WNIDS[0])],
        [('ILSVRC2012_ID', object), ('WNID', object)],
    )
    io = pytest.importorskip('scipy.io')
    io.savemat(tmp_path / 'meta.mat', {'synsets': synsets})
    return path


@pytest.mark.parametrize('name', ['imagenet'])
@pytest.mark.parametrize('filename', VAL_LISTS)
def test_flat_val_is_arranged_by_links(root, name, filename, tmp_path):
    flatten(root)
    assert imagenet.main([str(root), '--subset']) == 1
    val_list = write_val_list(tmp_path, filename)
    before = tree(root)
    command = [str(root), '--subset', '--val-list', str(val_list)]
    command += ['--link', str(tmp_path / 'data')]
    assert imagenet.main(command) == 0
    made = tmp_path / 'data/imagenet'
    assert tree(made) == {
        made / 'train': root / 'train',
        made / 'val': None,
        made / f'val/{WNIDS[0]}': None,
        made / f'val/{WNIDS[0]}/ILSVRC2012_val_00000002.JPEG': root
        / 'val/ILSVRC2012_val_00000002.JPEG',
        made / f'val/{WNIDS[1]}': None,
        made / f'val/{WNIDS[1]}/ILSVRC2012_val_00000001.JPEG': root
        / 'val/ILSVRC2012_val_00000001.JPEG',
    }
    assert tree(root) == before
    assert list((tmp_path / 'data').iterdir()) == [made]
    assert imagenet.main([str(made), '--subset']) == 0


@pytest.mark.parametrize('name', ['imagenet'])
def test_val_lists_that_do_not_fit(root, name, tmp_path, capsys):
    flatten(root)
    path = tmp_path / 'list.txt'
    command = [str(root), '--subset', '--val-list', str(path)]
    command += ['--link', str(tmp_path / 'data')]
    path.write_text('ILSVRC2012_val_00000001.JPEG 7\n')
    assert imagenet.main(command) == 1
    assert 'list.txt, line 1: "ILSVRC2012' in capsys.readouterr().err
    path.write_text('ILSVRC2012_val_00000001.JPEG 1\nother.JPEG 0\n')
    assert imagenet.main(command) == 1
    text = capsys.readouterr().out
    assert '1 listed images are absent, the first: other' in text
    assert 'not in the list, the first: ILSVRC2012_val_00000002' in text
    assert not (tmp_path / 'data').exists()
