"""What the tests of converters share."""

import torch

from tests.helpers import load_tool


def converter(name):
    """The command line of a converter as a function of its arguments."""
    tool = load_tool(f'model_converters/{name}.py')
    return lambda *arguments: tool.main([str(a) for a in arguments])


def save(content, path):
    """Write a checkpoint; returns its path."""
    torch.save(content, path)
    return path


def load(path):
    """Read a checkpoint."""
    return torch.load(path, weights_only=True)


def same(left, right):
    """Two state dicts are equal bit by bit, in the same types."""
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value.dtype == right[name].dtype
        assert torch.equal(value, right[name]), name


def existing_file_is_kept(convert, src, tmp_path, capsys):
    """A file in the way is an error, unless it may be overwritten."""
    dst = tmp_path / 'ours.pth'
    dst.write_text('mine')
    assert convert(src, dst) == 1
    assert 'exists' in capsys.readouterr().err
    assert dst.read_text() == 'mine'
    assert convert(src, dst, '--overwrite') == 0
    assert 'state_dict' in load(dst)
