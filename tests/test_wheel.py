"""The wheel works where this repository is not."""

import os
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest

from mmmap.version import __version__
from tests.commands import made
from tests.helpers import REPO

pytestmark = pytest.mark.slow
# Without torch at hand, as in pip's own environment for building.
BUILD = """
import sys
sys.modules['torch'] = None
from setuptools import build_meta
print(build_meta.build_{kind}(sys.argv[1]))
"""
# In the environment of these tests mmmap is that of the repository.
NAMES = """
import mmmap, mmpretrain
from mmengine.config import Config
assert mmmap.__file__.startswith({place!r}), mmmap.__file__
name = 'map_hybridnet-tiny_8xb128-amp-1600e_in1k'
assert name in mmpretrain.list_models('*hybridnet*')
print(type(mmpretrain.get_model(name).backbone).__name__)
"""


def run(*arguments, cwd, **variables):
    result = subprocess.run(
        [str(a) for a in arguments],
        cwd=cwd,
        env={**os.environ, 'OMP_NUM_THREADS': '1', **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """The wheel, and a folder that it was installed into."""
    root = tmp_path_factory.mktemp('wheel')
    unwanted = shutil.ignore_patterns('.*', '*.so', '__pycache__', 'work_dirs')
    source = root / 'source'
    source.mkdir()
    files = ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'model-index.yml')
    for name in (*files, 'README.md', 'LICENSE', 'requirements.txt'):
        shutil.copy(REPO / name, source)
    for name in ('mmmap', 'configs', 'tools', 'requirements'):
        shutil.copytree(REPO / name, source / name, ignore=unwanted)
    for kind in ('sdist', 'wheel'):
        code = BUILD.format(kind=kind)
        run(sys.executable, '-c', code, root, cwd=source)
    (wheel,) = root.glob('*.whl')
    (sdist,) = root.glob('*.tar.gz')
    place = root / 'installed'
    install = ('-m', 'pip', 'install', '--no-deps', '--no-index')
    run(sys.executable, *install, '--target', place, wheel, cwd=root)
    return SimpleNamespace(wheel=wheel, sdist=sdist, place=place, root=root)


def test_wheel_holds_configs_and_tools(installed):
    assert installed.wheel.name == f'mmmap-{__version__}-py3-none-any.whl'
    mim = installed.place / 'mmmap/.mim'
    for folder in ('configs', 'tools'):
        ours = {
            str(p.relative_to(REPO))
            for p in (REPO / folder).rglob('*.py')
            if 'own' not in p.parts
        }
        theirs = {str(p.relative_to(mim)) for p in mim.rglob('*.py')}
        assert ours <= theirs
    assert (mim / 'model-index.yml').is_file()
    (entry,) = installed.place.glob('*.dist-info/entry_points.txt')
    assert 'mmmap = mmmap.commands.main:main' in entry.read_text()


def test_sdist_builds_the_same_wheel(installed):
    shutil.unpack_archive(installed.sdist, installed.root / 'unpacked')
    (source,) = (installed.root / 'unpacked').iterdir()
    out = installed.root / 'again'
    code = BUILD.format(kind='wheel')
    run(sys.executable, '-c', code, out, cwd=source)
    (again,) = out.glob('*.whl')
    names = [
        sorted(zipfile.ZipFile(wheel).namelist())
        for wheel in (installed.wheel, again)
    ]
    assert names[0] == names[1]


def test_names_of_models_are_known(installed):
    code = NAMES.format(place=str(installed.place))
    variables = dict(PYTHONPATH=str(installed.place))
    output = run(sys.executable, '-c', code, cwd=installed.root, **variables)
    assert output.split()[-1] == 'HybridNet'


def test_command_trains_outside_the_repository(installed, tmp_path):
    made.folder(tmp_path, 6)
    variables = dict(PYTHONPATH=str(installed.place))
    command = (sys.executable, installed.place / 'bin/mmmap')
    options = ('--epochs', '1', '--repeat', '1', '--batch', '4')
    output = run(
        *command, 'pretrain', 'photos', '--out', 'run', *options,
        cwd=tmp_path, **variables,
    )  # fmt: skip
    assert 'checkpoint: ' in output
    whole = (tmp_path / 'run/config_whole.py').read_text()
    assert 'MAP' in whole
    assert (tmp_path / 'run/epoch_1.pth').is_file()
