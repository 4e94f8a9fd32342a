"""The look at a config's data, from the command line."""

import shutil

from tests.helpers import load_tool


def run(capsys, *arguments):
    """Status and what is said."""
    try:
        status = load_tool('check_data.py').main([str(a) for a in arguments])
    except SystemExit as end:
        status = end.code
    told = capsys.readouterr()
    return status, told.out + told.err


def test_all_well(segmentor, digits, capsys):
    root = digits / 'ade_like'
    status, said = run(capsys, segmentor.config, '--data-root', root)
    assert status == 0
    train, val, last = said.splitlines()[-3:]
    assert train == (
        f'train: images in {root}/images/training with class maps in '
        f'{root}/annotations/training: 8 images, 8 annotations, 8 opened'
    )
    # The test is the validation, and said once.
    assert val.startswith('val: ')
    assert last == 'All well.'


def test_what_cannot_be_used(segmentor, digits, tmp_path, capsys):
    root = tmp_path / 'ade'
    shutil.copytree(digits / 'ade_like', root)
    path = root / 'images/training/000003.png'
    path.write_bytes(path.read_bytes()[:-40])
    run_it = (segmentor.config, '--data-root', root, '--full')
    status, said = run(capsys, *run_it)
    assert status == 1
    assert f'  problem: cannot be read: {path} (' in said
    assert said.endswith('Not all of it can be used.\n')


def test_no_config(capsys):
    status, said = run(capsys, 'none.py')
    assert status == 1
    assert 'error: no config at none.py' in said
