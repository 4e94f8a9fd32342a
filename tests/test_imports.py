"""Imports of the package go down only; see docs/architecture.md."""

import ast
import subprocess
import sys

from tests.helpers import REPO, each

# Packages from the bottom up; one may import those below it, and itself.
LAYERS = (
    {
        'mmmap.errors',
        'mmmap.shipped',
        'mmmap.version',
        'mmmap.wording',
        'mmmap.writing',
    },
    {'mmmap.checkpoints', 'mmmap.cli'},
    {'mmmap.ops'},
    {'mmmap.datasets', 'mmmap.models.layers', 'mmmap.models.masking'},
    {
        'mmmap.evaluation',
        'mmmap.models.backbones',
        'mmmap.models.data_preprocessors',
    },
    {
        'mmmap.models.decoders',
        'mmmap.models.heads',
        'mmmap.models.necks',
    },
    {
        'mmmap.models.classifiers',
        'mmmap.models.segmentors',
        'mmmap.models.selfsup',
    },
    {'mmmap.visualization'},
    {'mmmap.engine'},
    {
        'mmmap.conversion',
        'mmmap.export',
        'mmmap.inference',
        'mmmap.reports',
        'mmmap.testing',
    },
    # What users start.
    {'mmmap.commands'},
    # What concerns everything: changes of OpenMMLab, the doctor.
    {'mmmap.openmmlab'},
    {'mmmap', 'mmmap.models', 'mmmap.doctor'},
)
LAYER = {
    package: layer
    for layer, packages in enumerate(LAYERS)
    for package in packages
}
ONLY_TORCH = ('mmmap.ops', 'mmmap.models.layers', 'mmmap.models.masking')
# What kernels need is imported by their own files alone.
KERNELS = {
    'mmmap.ops.causal_conv1d.dao_ailab': {
        'causal_conv1d',
        'causal_conv1d_cuda',
    },
    'mmmap.ops.causal_conv1d.triton_conv': {'triton'},
    'mmmap.ops.cuda.program': {'cuda'},
    'mmmap.ops.selective_scan.triton_kernels': {'triton'},
    'mmmap.ops.selective_scan.triton_scan': {'triton'},
    'mmmap.ops.triton_math': {'triton'},
    'mmmap.ops.selective_scan.mamba_ssm': {'mamba_ssm', 'selective_scan_cuda'},
}
LIBRARIES = {'mmdet', 'mmseg'}
# Modules that exist for mmdet or mmseg.
MAY_IMPORT_LIBRARIES = {
    'mmmap.export.detectors',
    'mmmap.inference.predictors',
}


def modules():
    """Name and file of every module of the package."""
    for path in sorted((REPO / 'mmmap').rglob('*.py')):
        parts = path.relative_to(REPO).with_suffix('').parts
        yield '.'.join(p for p in parts if p != '__init__'), path


def imports(name, path):
    """Full names of what a module imports, also inside functions."""
    package = name if path.name == '__init__.py' else name.rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                above = package.split('.')
                above = above[: len(above) - node.level + 1]
                base = '.'.join([*above, *filter(None, [node.module])])
            for alias in node.names:
                yield f'{base}.{alias.name}'


def package_of(name):
    """The package of a module, or of something in it."""
    while name not in LAYER and '.' in name:
        name = name.rpartition('.')[0]
    return name


MODULES = dict(modules())


@each(MODULES)
def test_every_module_is_in_a_layer(name):
    package = package_of(name)
    inside = name == package or package not in ('mmmap', 'mmmap.models')
    assert inside, f'{name} is in no layer: add its package to LAYERS'


def upward(name, path):
    """What a module imports from packages that are not below its own."""
    package = package_of(name)
    for imported in imports(name, path):
        target = package_of(imported)
        if (
            target in LAYER
            and target != package
            and LAYER[target] >= LAYER[package]
        ):
            yield imported


@each(MODULES)
def test_imports_go_down(name):
    assert list(upward(name, MODULES[name])) == []


@each([n for n in MODULES if package_of(n) in ONLY_TORCH])
def test_the_lowest_layers_import_only_torch(name):
    allowed = {'torch', 'mmmap', *sys.stdlib_module_names}
    allowed |= KERNELS.get(name, set())
    heads = {i.split('.')[0] for i in imports(name, MODULES[name])}
    assert heads <= allowed


@each(MODULES)
def test_detection_and_segmentation_stay_out(name):
    heads = {i.split('.')[0] for i in imports(name, MODULES[name])}
    if name not in MAY_IMPORT_LIBRARIES:
        assert not heads & LIBRARIES


def test_exported_files_are_predicted_without_torch():
    code = """
import sys
for name in ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'mmseg'):
    sys.modules[name] = None
import mmmap.commands.predicting
import mmmap.inference.onnx_predictor
"""
    command = [sys.executable, '-c', code]
    result = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_walk_understands_relative_imports(tmp_path):
    path = tmp_path / 'module.py'
    path.write_text(
        'import a.b\nfrom . import c\nfrom .d import e\n'
        'from ...f import g\ndef h():\n    from ..i.j import k\n'
    )
    found = list(imports('mmmap.models.necks.module', path))
    assert found == [
        'a.b',
        'mmmap.models.necks.c',
        'mmmap.models.necks.d.e',
        'mmmap.f.g',
        'mmmap.models.i.j.k',
    ]
    package = tmp_path / '__init__.py'
    package.write_text('from .d import e\nfrom ..f import g\n')
    found = list(imports('mmmap.models.necks', package))
    assert found == ['mmmap.models.necks.d.e', 'mmmap.models.f.g']


def test_upward_import_is_seen(tmp_path):
    path = tmp_path / 'module.py'
    path.write_text(
        'import torch\nfrom ..layers.blocks import MambaBlock\n'
        'from .other import own\nfrom ..selfsup import MAP\n'
        'def f():\n    from mmmap.engine.hooks import NaNGuardHook\n'
        '    import mmmap.models.heads\n'
    )
    assert list(upward('mmmap.models.decoders.module', path)) == [
        'mmmap.models.selfsup.MAP',
        'mmmap.engine.hooks.NaNGuardHook',
        'mmmap.models.heads',
    ]


def test_the_walk_sees_the_package():
    """Every package of LAYERS has modules."""
    assert {package_of(name) for name in MODULES} == set(LAYER)
