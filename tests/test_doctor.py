"""The doctor's judgement, on made-up machines and on a real one."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from pip._internal.commands import create_command

from mmmap.doctor import diagnosis, versions
from mmmap.doctor.diagnosis import (
    IMPORTS,
    KERNELS,
    PYTHON_OPS,
    UPSTREAM,
    Doctor,
    Probe,
    Row,
)
from mmmap.doctor.probes import ask, ask_imports
from mmmap.doctor.report import remedies
from mmmap.doctor.versions import release, satisfies, wanted_versions
from tests.forks import OTHERS, command

ROOT = Path(__file__).resolve().parents[1]
WANTED = {
    'torch': '==2.11.0',
    'torchvision': '==0.26.0',
    'onedl-mmengine': '==0.10.12',
    'onedl-mmcv': '==2.3.6',
    'onedl-mmpretrain': '==1.3.6',
    'setuptools': '>=80,<81',
    'wheel': '',
    'mamba-ssm': '==2.3.2.post1',
}
HEALTHY = {
    'torch': '2.11.0+cu130',
    'torchvision': '0.26.0',
    'onedl-mmengine': '0.10.12',
    'onedl-mmcv': '2.3.6',
    'onedl-mmpretrain': '1.3.6',
    'setuptools': '80.10.2',
}


def judge(**changes: str | None) -> dict[str, Row]:
    """The package rows of a healthy machine with some versions changed."""
    found = {**HEALTHY, **{k.replace('_', '-'): v for k, v in changes.items()}}
    found = {name: version for name, version in found.items() if version}
    return {row.name: row for row in Doctor(WANTED, found).packages()}


def probes(**failures: str) -> dict[str, Probe]:
    """Imports that all work but for those named, dots as underscores."""
    return {
        module: Probe(False, failures[key]) if key in failures else Probe(True)
        for module, key in ((m, m.replace('.', '_')) for m in IMPORTS)
    }


@pytest.mark.parametrize(
    'version, specifier, expected',
    [
        ('2.11.0+cu130', '==2.11.0', True),
        ('2.11', '==2.11.0', True),
        ('2.3.2.post1', '==2.3.2.post1', True),
        ('80.10.2', '>=80,<81', True),
        ('81.0', '>=80,<81', False),
        ('2.9.1', '>=2.11', False),
        ('1.0', '', True),
    ],
)
def test_satisfies(version, specifier, expected):
    assert satisfies(version, specifier) is expected


def test_release_ignores_what_follows_the_numbers():
    assert release('2.14.0.dev20260101+cu130') == (2, 14, 0)


def test_healthy_packages_are_ok():
    rows = judge()
    assert {row.state for row in rows.values()} == {'ok'}
    assert not any(row.fix for row in rows.values())
    # Build tools and kernels are not judged by version.
    assert set(rows) == set(WANTED) - {'wheel', 'mamba-ssm'}


@pytest.mark.parametrize(
    'version, state, words',
    [
        (None, 'wrong', 'not installed'),
        ('2.3.1', 'wrong', 'too old'),
        ('2.10.0', 'note', 'not the version that was tested'),
        ('2.13.0+cpu', 'note', 'not the version that was tested'),
        ('2.14.0', 'wrong', 'too new'),
        ('3.0.0', 'wrong', 'too new'),
    ],
)
def test_torch(version, state, words):
    row = judge(torch=version)['torch']
    assert row.state == state
    assert words in row.why
    assert row.fix.endswith('-m pip install torch==2.11.0 torchvision==0.26.0')


def test_setuptools_from_81_on_is_wrong():
    row = judge(setuptools='82.0.1')['setuptools']
    assert row.state == 'wrong'
    assert row.fix.endswith("pip install 'setuptools>=80,<81'")
    assert judge(setuptools=None)['setuptools'].state == 'note'


def test_both_stacks_at_once_are_wrong():
    row = judge(mmpretrain='1.2.0')['onedl-mmpretrain']
    assert row.state == 'wrong'
    assert row.found == '1.3.6, mmpretrain 1.2.0'
    uninstall, install = row.fix.split(' && ')
    assert uninstall.endswith('pip uninstall -y mmpretrain')
    # The files that upstream takes away with it have to come back.
    assert install.endswith(
        'onedl-mmpretrain==1.3.6 --force-reinstall --no-deps'
    )


def test_upstream_alone_is_noted():
    rows = judge(onedl_mmpretrain=None, mmpretrain='1.2.0')
    assert rows['onedl-mmpretrain'].state == 'note'
    assert rows['onedl-mmpretrain'].why == 'upstream mmpretrain'
    rows = judge(onedl_mmpretrain=None, mmpretrain='1.0.0')
    assert '1.2.0 was tested' in rows['onedl-mmpretrain'].why


def test_missing_mmcv_is_installed_without_a_compiler():
    row = judge(onedl_mmcv=None)['onedl-mmcv']
    assert (row.state, row.why) == ('wrong', 'not installed')
    mmcv, operators = row.fix.split(' && ')
    assert mmcv.endswith('pip install onedl-mmcv==2.3.6 --no-cache-dir')
    assert operators.endswith(f'pip install --no-deps {PYTHON_OPS}')


def test_missing_extension_of_mmcv_gets_the_one_in_python(monkeypatch):
    error = "ModuleNotFoundError: No module named 'mmcv._ext'"
    doctor = Doctor(WANTED, HEALTHY, nvidia=True, nvcc=True)
    rows = {r.name: r for r in doctor.imports(probes(mmcv_ops=error))}
    assert rows['mmcv.ops'].why == error
    assert '--force-reinstall --no-deps && ' in rows['mmcv.ops'].fix
    assert rows['mmcv.ops'].fix.endswith(str(PYTHON_OPS))
    # Where mmmap was installed without its checkout, mmcv compiles its own.
    monkeypatch.setattr(diagnosis, 'PYTHON_OPS', Path('nowhere'))
    rows = {r.name: r for r in doctor.imports(probes(mmcv_ops=error))}
    assert 'MMCV_WITH_OPS=1 FORCE_CUDA=1' in rows['mmcv.ops'].fix
    assert rows['mmcv.ops'].fix.endswith(
        '--no-build-isolation --no-cache-dir --force-reinstall --no-deps'
    )


def test_operators_in_python_allow_a_newer_torch():
    row = judge(torch='2.14.0', mmcv_ops_torchvision='0.1.0')['torch']
    assert (row.state, row.why) == ('note', 'not the version that was tested')


def test_first_failure_is_blamed_once():
    error = 'RuntimeError: operator torchvision::nms does not exist'
    failures = dict.fromkeys(
        ('torchvision', 'mmpretrain_models', 'mmdet_models', 'mmmap'), error
    )
    rows = Doctor(WANTED, HEALTHY).imports(probes(**failures))
    by_name = {row.name: row for row in rows}
    assert by_name['torchvision'].why == error
    assert by_name['torchvision'].fix.endswith(
        'torch==2.11.0 torchvision==0.26.0 --force-reinstall --no-deps'
    )
    assert by_name['mmpretrain.models'].why == 'needs torchvision'
    assert by_name['mmdet.models'].why == 'needs torchvision'
    assert by_name['mmmap'].why == 'needs mmpretrain.models'
    assert [row.name for row in rows if row.fix] == ['torchvision']


def test_missing_dependency_is_completed_not_reinstalled():
    error = "ModuleNotFoundError: No module named 'einops'"
    doctor = Doctor(WANTED, HEALTHY)
    rows = {r.name: r for r in doctor.imports(probes(mmpretrain_models=error))}
    assert rows['mmpretrain.models'].fix.endswith(
        'pip install onedl-mmpretrain==1.3.6'
    )


def test_gpu_that_torch_cannot_use_is_wrong():
    doctor = Doctor(WANTED, HEALTHY, nvidia=True)
    torch, ops = doctor.device('2.13.0+cpu', '', 'not available')
    assert torch.state == 'wrong'
    assert '2.13.0+cpu' in torch.why
    assert ops.state == 'ok'


def test_cpu_operators_under_a_gpu_are_wrong():
    doctor = Doctor(WANTED, HEALTHY, nvidia=True, nvcc=True)
    torch, ops = doctor.device('2.11.0', 'NVIDIA H100', 'not available')
    assert (torch.state, torch.found) == ('ok', 'NVIDIA H100')
    assert (ops.state, ops.found) == ('wrong', 'cpu')
    assert 'FORCE_CUDA=1' in ops.fix
    # Without nvcc, those in Python run on the GPU.
    ops = Doctor(WANTED, HEALTHY, nvidia=True).device(
        '2.11.0', 'NVIDIA H100', 'not available'
    )[1]
    assert ops.fix.endswith(str(PYTHON_OPS))
    built = doctor.device('2.11.0', 'NVIDIA H100', '13.0')[1]
    assert (built.state, built.found) == ('ok', 'cuda 13.0')


def test_operators_in_python_run_everywhere():
    ops = 'none: operators in Python on torchvision'
    for name in ('', 'NVIDIA H100'):
        row = Doctor(WANTED, HEALTHY).device('2.11.0', name, ops)[1]
        assert (row.state, row.found) == ('ok', 'torchvision')


def test_no_gpu_is_fine():
    rows = Doctor(WANTED, HEALTHY).device('2.11.0', '', 'not available')
    assert [row.state for row in rows] == ['ok', 'ok']
    assert len(Doctor(WANTED, HEALTHY).device('2.11.0', '', None)) == 1


def test_kernels_are_optional():
    missing = {module: Probe(False, 'no') for module in KERNELS}
    on_cpu = Doctor(WANTED, HEALTHY).kernels(missing)
    assert {row.state for row in on_cpu} == {'note'}
    assert not any(row.fix for row in on_cpu)
    on_gpu = Doctor(WANTED, HEALTHY, nvidia=True).kernels(missing)
    fix = {row.name: row.fix for row in on_gpu}['selective_scan_cuda']
    assert 'MAMBA_KEEP_CUDA_BUILD=TRUE' in fix
    assert 'mamba-ssm==2.3.2.post1 --no-build-isolation' in fix


def test_scan_backend_that_cannot_run_is_wrong():
    answer = [
        ['selective_scan', 'cpu', 'torch', 'first choice'],
        ['selective_scan', 'cuda', 'error', 'asked for, cannot run'],
    ]
    probe = Probe(True, json.dumps(answer))
    cpu, cuda = Doctor(WANTED, HEALTHY).scan(probe)
    assert (cpu.name, cpu.found) == ('selective_scan on cpu', 'torch')
    assert (cuda.state, cuda.why) == ('wrong', 'asked for, cannot run')


def test_wanted_versions_come_from_the_requirements():
    wanted = wanted_versions()
    assert wanted['torch'] == '==2.11.0'
    assert wanted['setuptools'] == '>=80,<81'
    assert set(UPSTREAM) <= set(wanted)
    assert set(KERNELS.values()) <= set(wanted)


def test_wanted_versions_without_a_checkout(monkeypatch, tmp_path):
    lines = ['torch==2.11.0', 'onedl_mmcv==2.3.6; extra == "mm"']
    metadata = versions.importlib.metadata
    monkeypatch.setattr(metadata, 'requires', lambda _: lines)
    expected = {'torch': '==2.11.0', 'onedl-mmcv': '==2.3.6'}
    assert wanted_versions(tmp_path / 'none') == expected


def test_remedies_name_each_command_once_and_wrong_ones_first():
    rows = [
        Row('s', 'liked', '', '', 'note', 'why', 'command 3'),
        Row('s', 'first', '', '', 'wrong', 'why', 'command 1'),
        Row('s', 'again', '', '', 'wrong', 'why', 'command 1'),
        Row('s', 'fine', '', '', 'ok'),
    ]
    assert remedies(rows).split('\n') == [
        '',
        'To fix:',
        '  first: why',
        '    command 1',
        '',
        'Optional:',
        '  liked: why',
        '    command 3',
    ]


def test_a_crash_is_an_answer():
    probe = ask('-c', 'import os; os.kill(os.getpid(), 11)')
    assert probe == Probe(False, 'crashed with signal 11')
    assert ask('-c', 'import nothing_here') == Probe(
        False, "ModuleNotFoundError: No module named 'nothing_here'"
    )


def test_what_follows_a_failed_import_is_imported_all_the_same(tmp_path):
    (tmp_path / 'crashes.py').write_text('import os; os.kill(os.getpid(), 11)')
    (tmp_path / 'fails.py').write_text("raise RuntimeError('of its own')")
    (tmp_path / 'works.py').write_text("print('hello')")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', str(tmp_path))
        found = ask_imports(['works', 'crashes', 'fails', 'json'])
    assert found == {
        'works': Probe(True),
        'crashes': Probe(False, 'crashed with signal 11'),
        'fails': Probe(False, 'RuntimeError: of its own'),
        'json': Probe(True),
    }


def run_doctor(*words: str, **environment: str):
    """The answer of the doctor, run as a person runs it, and its status."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout), done.returncode


# transformers 5 as far as mmpretrain looks: some names are gone.
TRANSFORMERS = """
def __getattr__(name):
    raise ImportError(f'cannot import name {name!r} from transformers')
"""


@pytest.fixture(scope='module')
def transformers_5(tmp_path_factory):
    """PYTHONPATH with a stand-in for transformers 5."""
    tmp_path = tmp_path_factory.mktemp('transformers')
    (tmp_path / 'transformers').mkdir()
    (tmp_path / 'transformers/__init__.py').write_text(TRANSFORMERS)
    meta = tmp_path / 'transformers-5.0.0.dist-info'
    meta.mkdir()
    (meta / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: transformers\nVersion: 5.0.0\n'
    )
    return os.pathsep.join([str(tmp_path), str(ROOT)])


def python(code: str, path: str) -> subprocess.CompletedProcess:
    """Run code with a PYTHONPATH."""
    code = f'import sys\nsys.path[:0] = {path.split(os.pathsep)}\n{code}'
    return command('python', '-c', code, modules=OTHERS)


@pytest.mark.slow
def test_mmpretrain_works_beside_transformers_5(transformers_5):
    alone = python('import mmpretrain.models', transformers_5)
    assert alone.returncode == 1
    code = """
import mmmap
from mmpretrain.registry import MODELS
print(MODELS.get('HybridNet').__name__, MODELS.get('MAE').__name__)
MODELS.build(dict(type='BlipCaption'))
"""
    done = python(code, transformers_5)
    assert done.stdout == 'HybridNet MAE\n'
    assert done.stderr.splitlines()[-1] == (
        "ImportError: mmpretrain's multimodal models need transformers "
        'before 5, this is 5.0.0: pip install "transformers<5"'
    )


def test_an_import_that_fails_for_transformers():
    error = 'TypeError: NoneType takes no arguments'
    rows = Doctor(WANTED, HEALTHY).imports(probes(mmpretrain_models=error))
    (row,) = [row for row in rows if row.name == 'mmpretrain.models']
    assert row.why == f'{error}: transformers is too new for mmpretrain'
    assert row.fix.endswith("pip install 'transformers<5'")


def cured(command: str, found: dict[str, str]) -> dict[str, str]:
    """What is installed after a command, if pip understands it."""
    found = dict(found)
    for part in command.split(' && '):
        words = shlex.split(part)
        words = words[words.index('pip') + 1 :]
        options, packages = create_command(words[0]).parse_args(words[1:])
        # A folder has the name of the package in it.
        for package in packages:
            requirement = Requirement(Path(package).name)
            found.pop(requirement.name, None)
            if words[0] == 'install':
                wanted = str(requirement.specifier) or '==1.0'
                version = re.search(r'[=<]=?([\d.]+\w*)', wanted)[1]
                if not requirement.specifier.contains(version):
                    version = {'<5': '4.57', '<81,>=80': '80.10'}[wanted]
                found[requirement.name] = version
    return found


@pytest.mark.parametrize(
    ('name', 'broken'),
    [
        ('torch', None),
        ('torch', '2.3.1'),
        ('torch', '2.14.0'),
        ('torchvision', None),
        ('setuptools', '82.0.0'),
        ('onedl-mmengine', None),
        ('onedl-mmengine', '0.10.1'),
        ('onedl-mmcv', None),
        ('onedl-mmpretrain', '1.0'),
        ('mmengine', '0.10.7'),
        ('mmcv', '2.1.0'),
        ('mmpretrain', '1.2.0'),
        ('transformers', '5.0.0'),
    ],
)
def test_the_cure_of_a_package_makes_it_right(name, broken):
    """Both sets, too old, too new, absent: the command ends in 'ok'."""
    found = HEALTHY | {name: broken}
    found = {key: version for key, version in found.items() if version}

    def sick(found):
        doctor = Doctor(WANTED, found)
        rows = [*doctor.packages(), *doctor.transformers()]
        return [row for row in rows if row.state != 'ok']

    (row,) = sick(found)
    assert sick(cured(row.fix, found)) == []


@pytest.mark.slow
def test_this_environment_is_healthy_with_transformers_5(transformers_5):
    words = ('-m', 'mmmap.doctor', '--json')
    rows, status = run_doctor(*words, PYTHONPATH=transformers_5)
    assert not [row for row in rows if row['state'] == 'wrong']
    assert status == 0
    assert {'packages', 'imports', 'device', 'scan', 'kernels'} == {
        row['section'] for row in rows
    }
    assert {r['state'] for r in rows if r['section'] == 'imports'} == {'ok'}
    (row,) = [row for row in rows if row['name'] == 'transformers']
    assert (row['state'], row['found']) == ('note', '5.0.0')
    assert row['fix'].endswith("pip install 'transformers<5'")


@pytest.mark.slow
def test_scan_backends():
    answer, status = run_doctor('-m', 'mmmap.doctor', '--scan')
    assert status == 0
    assert ['selective_scan', 'cpu'] in [row[:2] for row in answer]
