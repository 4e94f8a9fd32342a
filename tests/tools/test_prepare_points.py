import re

import numpy as np
import pytest

from tests.datasets.points.test_benchmarks import (
    CLOUD,
    make_modelnet40_h5,
    make_shapenetpart,
    rows,
    write,
)
from tests.helpers import load_tool

tool = load_tool('dataset_converters/prepare_points.py')


def make_shapenet55(root):
    (root / 'shapenet_pc').mkdir(parents=True)
    for split, names in (('train', 'ab'), ('test', 'c')):
        write(root / f'{split}.txt', '\n'.join(f'{n}.npy' for n in names))
        for name in names:
            np.save(root / 'shapenet_pc' / f'{name}.npy', CLOUD)


def make_modelnet40(root):
    write(root / 'modelnet40_shape_names.txt', 'bed\nsofa\n')
    for split, name in (('train', 'bed_0001'), ('test', 'sofa_0002')):
        write(root / f'modelnet40_{split}.txt', name)
        write(root / f'{name.split("_")[0]}/{name}.txt', rows(CLOUD))


def make_folder(root):
    for split in ('train', 'test'):
        write(root / split / 'chair' / '0.xyz', rows(CLOUD))


MAKE = {
    'shapenet55': make_shapenet55,
    'modelnet40': make_modelnet40,
    'shapenetpart': lambda root: make_shapenetpart(root, [8] * 7),
    'folder': make_folder,
}
EACH = pytest.mark.parametrize('name', MAKE)


@EACH
def test_a_subset_is_linked_where_configs_look(tmp_path, name, capsys):
    root, data = tmp_path / 'root', tmp_path / 'data'
    MAKE[name](root)
    run = [str(root), '--set', name, '--subset', '--link', str(data)]
    assert tool.main(run) == 0
    assert (data / tool.SETS[name].folder).readlink() == root
    output = capsys.readouterr().out
    assert f'{name} train: ' in output
    assert '1 cloud, 1 class, 1 opened' in output or name == 'shapenet55'


@EACH
def test_official_numbers_are_asked_for(tmp_path, name, capsys):
    MAKE[name](tmp_path / 'root')
    status = tool.main([str(tmp_path / 'root'), '--set', name])
    assert status == (0 if name == 'folder' else 1)
    output = capsys.readouterr().out
    for number in tool.SETS[name].clouds.values():
        assert re.search(f'clouds? found, {number:,} expected', output)
    assert ('From http' in output) is bool(status)


def test_what_is_missing_or_wrong_is_named(tmp_path, capsys):
    make_shapenet55(tmp_path)
    (tmp_path / 'shapenet_pc/a.npy').unlink()
    np.save(tmp_path / 'shapenet_pc/b.npy', np.full((4, 3), np.nan))
    (tmp_path / 'test.txt').unlink()
    run = [str(tmp_path), '--set', 'shapenet55', '--subset']
    assert tool.main(run) == 1
    output = capsys.readouterr().out
    assert (
        f'1 listed file is not there: {tmp_path}/shapenet_pc/a.npy' in output
    )
    assert f'1 cloud cannot be used: {tmp_path}/shapenet_pc/b.npy' in output
    assert 'test.txt: the data set is not complete' in output
    assert 'train: 2 clouds, 0 classes, 0 opened' in output


def test_h5(tmp_path, capsys):
    make_modelnet40_h5(tmp_path)
    run = [str(tmp_path), '--set', 'modelnet40_h5', '--subset']
    assert tool.main(run) == 0
    assert '2 clouds, 2 classes, 2 opened' in capsys.readouterr().out
    assert tool.main([*run[:2], 'scanobjectnn', '--subset']) == 1
    output = capsys.readouterr().out
    assert output.count('there is no file') == 6


def test_a_root_that_holds_nothing(tmp_path, capsys):
    assert tool.main([str(tmp_path / 'none'), '--set', 'folder']) == 1
    assert 'none does not exist' in capsys.readouterr().out
