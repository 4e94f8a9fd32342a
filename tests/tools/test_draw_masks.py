import cv2

from tests.helpers import load_tool

tool = load_tool('analysis_tools/draw_masks.py')


def test_one_picture(tmp_path, capsys):
    path = tmp_path / 'masks.png'
    options = ('--grid', '2', '5', '--draws', '2', '--query', '1', '0')
    assert tool.main([str(path), *options]) == 0
    assert capsys.readouterr().out == f'{path}\n'
    assert cv2.imread(str(path)).std() > 20


def test_what_cannot_be_drawn(tmp_path, capsys):
    path = tmp_path / 'masks.png'
    for options, message in (
        (('--grid', '0', '5'), 'grid and draws must be positive'),
        (('--ratio', '1'), 'between 0 and 1'),
        (('--query', '6', '0'), 'is not a token of a grid of 6x6'),
    ):
        assert tool.main([str(path), *options]) == 1
        error = capsys.readouterr().err
        assert error.startswith('error: ')
        assert error.count('\n') == 1
        assert message in error
    assert list(tmp_path.iterdir()) == []
