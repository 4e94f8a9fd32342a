"""How the package gets beside mmcv, and what it says where it cannot serve."""

import inspect
import re
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
import torch

from tests.mmcv_ops.package import PACKAGE

PIP = [sys.executable, '-m', 'pip', '--disable-pip-version-check', '-q']
WHERE = 'from importlib.util import find_spec; print(find_spec("mmcv._ext"))'


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_installs_beside_mmcv_gives_way_and_leaves(tmp_path):
    python = tmp_path / 'venv' / 'bin' / 'python'
    run(sys.executable, '-m', 'venv', '--without-pip', tmp_path / 'venv')
    site = next((tmp_path / 'venv').glob('lib/python3*/site-packages'))
    source = shutil.copytree(PACKAGE, tmp_path / 'source')
    build = ('wheel', '--no-deps', '--no-build-isolation', '-w', tmp_path)
    run(*PIP, *build, source)
    (wheel,) = tmp_path.glob('*.whl')
    mmcv = site / 'mmcv'
    mmcv.mkdir()
    (mmcv / '__init__.py').touch()
    assert run(python, '-c', WHERE) == 'None\n'

    run(*PIP, '--python', python, 'install', '--no-deps', wheel)
    assert str(mmcv / '_ext.py') in run(python, '-c', WHERE)
    for suffix in EXTENSION_SUFFIXES:
        compiled = mmcv / f'_ext{suffix}'
        compiled.touch()
        assert str(compiled) in run(python, '-c', WHERE)
        compiled.unlink()
    assert str(mmcv / '_ext.py') in run(python, '-c', WHERE)

    name = 'mmcv-ops-torchvision'
    run(*PIP, '--python', python, 'uninstall', '-y', name)
    assert [path.name for path in mmcv.glob('*')] == ['__init__.py']
    assert not list(site.glob('mmcv_ops*'))


def test_operators_under_test_are_those_of_the_checkout(extension):
    assert Path(inspect.getfile(extension.nms)).is_relative_to(PACKAGE)


def test_missing_operator_says_how_to_compile_it(extension):
    operator = extension.box_iou_rotated
    with pytest.raises(NotImplementedError) as error:
        operator(torch.zeros(1, 5), ious=None)
    assert 'operator box_iou_rotated ' in str(error.value)
    assert 'FORCE_CUDA=0 pip install --force-reinstall' in str(error.value)
    assert '--no-build-isolation --no-cache-dir onedl-mmcv==' in str(
        error.value
    )
    # What the doctor and reports of the environment print.
    assert extension.get_compiling_cuda_version().startswith('none')
    with pytest.raises(AttributeError, match="no attribute '_private'"):
        _ = extension._private


def test_every_operator_that_mmcv_asks_for_is_there(ops, extension):
    """mmcv checks the names when it is imported, before anything is called."""
    folder = Path(ops.__file__).parent
    text = ''.join(path.read_text() for path in sorted(folder.glob('*.py')))
    asked = re.findall(r"load_ext\(\s*'_ext',\s*\[(.+?)\]", text, re.S)
    names = re.findall(r"'(\w+)'", ''.join(asked))
    assert len(names) > 100
    assert all(callable(getattr(extension, name)) for name in names)
    # An operator of another name than mmcv's would never be called.
    package = sys.modules['mmcv_ops_torchvision']
    assert set(package.__all__) - {'missing'} <= set(names)


@pytest.mark.slow
@pytest.mark.parametrize(
    'fault, words',
    [
        ('raise ModuleNotFoundError("No module named torchvision")', 'No mod'),
        (
            'raise RuntimeError("operator torchvision::nms does not exist")',
            '::',
        ),
    ],
)
def test_torchvision_that_does_not_load(tmp_path, fault, words):
    (tmp_path / 'torchvision.py').write_text(fault)
    code = (
        'import sys; sys.path[:0] = sys.argv[1:]; import mmcv_ops_torchvision'
    )
    done = subprocess.run(
        [sys.executable, '-c', code, str(tmp_path), str(PACKAGE)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    message = done.stderr.split('\nImportError: ')[-1]
    assert words in message.splitlines()[0]
    assert 'pip install --force-reinstall torch torchvision' in message
    assert '--no-build-isolation' in message
