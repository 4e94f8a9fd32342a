from mmmap.reports.settings import (
    changes,
    inherited,
    nearest_config,
    read_by_runner,
)
from tests.helpers import REPO


def test_changes_by_name():
    before = dict(
        model=dict(width=8, list=[1, 2], same=None),
        hooks=[dict(type='A'), dict(type='B', n=1)],
        work_dir='there',
    )
    after = dict(
        model=dict(width=16, list=(1, 2), same=None, new={}),
        hooks=[dict(type='A'), dict(type='C')],
        work_dir='elsewhere',
    )
    assert changes(before, after) == [
        ('hooks.1.n', '1', ''),
        ('hooks.1.type', "'B'", "'C'"),
        ('model.new', '', '{}'),
        ('model.width', '8', '16'),
    ]
    assert changes(before, before) == []


def test_long_values_are_compared_whole():
    before, after = ([f'{n}' for n in range(500)] for _ in range(2))
    after[-1] = 'x'
    assert len(changes(dict(a=before), dict(a=after))) == 1


def test_what_a_config_inherits():
    scratch = REPO / 'configs/demo/upernet_mosaics_scratch.py'
    base = inherited(scratch)
    checkpoint = 'work_dirs/map_mosaics/epoch_15.pth'
    assert base['model']['backbone']['init_cfg']['checkpoint'] == checkpoint
    assert inherited(REPO / 'configs/_base_/mmmap.py') == {}


def test_what_only_the_file_uses_is_not_read():
    settings = dict(model=dict(type='A'), digits=dict(root='x'), _='y')
    assert read_by_runner(settings) == dict(model=dict(type='A'))


def test_the_more_similar_of_two_files_is_taken(tmp_path):
    for folder, width in (('a', 1), ('b', 2)):
        (tmp_path / folder).mkdir()
        text = f'width = {width}\ndepth = 3\n'
        (tmp_path / folder / 'net.py').write_text(text)
    found = nearest_config('net.py', tmp_path, dict(width=2, depth=4))
    assert found == tmp_path / 'b/net.py'
    assert nearest_config('other.py', tmp_path, {}) is None
    assert nearest_config('', tmp_path, {}) is None
