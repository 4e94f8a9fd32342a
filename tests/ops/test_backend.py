import subprocess
import sys
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch

from mmmap.ops import backend, causal_conv1d, selective_scan
from tests.helpers import REPO
from tests.ops.scan_cases import make_scan


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for variable in backend.ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def ran(monkeypatch):
    """Names of the backends that were loaded, in order."""
    names = []
    load = backend.Backend.load

    def recorded(self):
        names.append(self.name)
        return load(self)

    monkeypatch.setattr(backend.Backend, 'load', recorded)
    return names


def scan(**options):
    return selective_scan(**make_scan(), **options)


BUILT = find_spec('mmmap._C') is not None
CPU_CHOICE = 'cpp' if BUILT else 'torch'


def test_automatic_choice_on_the_cpu(ran):
    scan()
    assert ran == [CPU_CHOICE]


def test_environment_and_argument(ran, monkeypatch):
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', 'reference')
    scan()
    scan(backend='torch')
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', '')
    scan()
    assert ran == ['reference', 'torch', CPU_CHOICE]


def test_convolution_has_its_own_variable(ran, monkeypatch):
    monkeypatch.setenv('MMMAP_CONV_BACKEND', 'reference')
    x, weight = torch.ones(1, 2, 3), torch.ones(2, 2)
    causal_conv1d(x, weight)
    scan()
    assert ran == ['reference', CPU_CHOICE]


def test_unknown_name_lists_those_there_are(monkeypatch):
    message = (
        "selective_scan: unknown backend 'gpu' from the backend argument; "
        'choose one of cuda, mamba_ssm, triton, cpp, torch, reference'
    )
    with pytest.raises(ValueError, match=message):
        scan(backend='gpu')
    monkeypatch.setenv('MMMAP_SCAN_BACKEND', 'fast')
    message = "'fast' from the environment variable MMMAP_SCAN_BACKEND"
    with pytest.raises(ValueError, match=message):
        scan()


def test_named_backend_that_does_not_serve_the_device():
    message = (
        "asks for backend 'mamba_ssm', which cannot run: it runs on cuda "
        'tensors, not on cpu'
    )
    with pytest.raises(RuntimeError, match=message):
        scan(backend='mamba_ssm')


@pytest.fixture
def kernel(monkeypatch):
    """A first choice whose extension is not there."""
    absent = backend.Backend(
        'kernel',
        'an_absent_extension',
        install='pip install an-absent-extension',
    )
    backends = (absent, *backend.BACKENDS['selective_scan'])
    monkeypatch.setitem(backend.BACKENDS, 'selective_scan', backends)
    backend._import_error.cache_clear()
    yield absent
    backend._import_error.cache_clear()


def test_absent_extension_is_passed_over_unless_named(kernel, ran):
    scan()
    assert ran == [CPU_CHOICE]
    message = (
        "No module named 'an_absent_extension'; install it with: "
        'pip install an-absent-extension'
    )
    with pytest.raises(RuntimeError, match=message):
        scan(backend='kernel')


@pytest.mark.parametrize('error', [ValueError, RuntimeError, AttributeError])
def test_package_that_does_not_suit_the_others(
    kernel, ran, tmp_path, monkeypatch, error
):
    """Such as one that was built for another numpy."""
    text = f'raise {error.__name__}("wrong size")'
    (tmp_path / 'an_absent_extension.py').write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    scan()
    assert ran == [CPU_CHOICE]
    message = f'{error.__name__}: wrong size; install it with: pip install'
    with pytest.raises(RuntimeError, match=message):
        scan(backend='kernel')


def test_mamba_ssm_is_judged_by_its_extension(monkeypatch):
    """mamba-ssm may be installed without the kernel it is asked for."""
    monkeypatch.setitem(sys.modules, 'mamba_ssm', ModuleType('mamba_ssm'))
    assert backend.choose('selective_scan', 'cuda').name == 'cuda'
    with pytest.raises(RuntimeError, match='MAMBA_KEEP_CUDA_BUILD=TRUE'):
        backend.choose('selective_scan', 'cuda', 'mamba_ssm')
    monkeypatch.setattr(
        backend,
        '_import_error',
        lambda module: 'no NVRTC' if module.endswith('.cuda_scan') else None,
    )
    assert backend.choose('selective_scan', 'cuda').name == 'mamba_ssm'
    assert backend.choose('selective_scan', 'cpu').name == 'cpp'


def test_without_a_compiler_torch_serves_the_cpu(ran, monkeypatch):
    monkeypatch.setattr(
        backend,
        '_import_error',
        lambda module: 'not built' if module.endswith('.cpp') else None,
    )
    scan()
    assert ran == ['torch']
    message = 'not built; install it with: pip install --no-build-isolation'
    with pytest.raises(RuntimeError, match=message):
        scan(backend='cpp')


def test_report_says_what_runs_and_why(kernel, monkeypatch):
    rows = {(op, device): rest for op, device, *rest in backend.report()}
    name, reason = rows['selective_scan', 'cpu']
    assert name == CPU_CHOICE
    assert 'pip install an-absent-extension' in reason
    assert rows['causal_conv1d', 'cpu'] == [CPU_CHOICE, 'first choice']

    monkeypatch.setenv('MMMAP_SCAN_BACKEND', 'reference')
    monkeypatch.setenv('MMMAP_CONV_BACKEND', 'fast')
    rows = {(op, device): rest for op, device, *rest in backend.report()}
    assert rows['selective_scan', 'cpu'] == [
        'reference',
        'named by MMMAP_SCAN_BACKEND',
    ]
    assert rows['causal_conv1d', 'cuda'][0] == 'error'


WITHOUT_OPENMMLAB = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('mmpretrain', 'mmengine', 'mmcv', 'mmdet'):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: (
    None if name == 'mmpretrain' else found(name, *rest)
)
import torch
from mmmap.models.layers import BidirectionalMamba
from mmmap.models.masking import Layout, RandomMasking
from mmmap.ops import selective_scan

tokens = torch.ones(1, 12, 32)
masked = RandomMasking(0.5)(Layout((3, 4)))
print(*BidirectionalMamba(32)(masked.gather(tokens)).shape)
"""


@pytest.mark.slow
def test_ops_layers_and_masking_need_torch_alone():
    done = subprocess.run(
        [sys.executable, '-c', WITHOUT_OPENMMLAB],
        cwd=REPO,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ['1', '6', '32'], done.stderr
