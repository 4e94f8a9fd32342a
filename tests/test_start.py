"""What starting costs: what is imported when."""

import textwrap

import pytest

from tests.forks import OTHERS, command
from tests.helpers import REPO

TOOLS = [
    path
    for path in sorted((REPO / 'tools').rglob('*.py'))
    if "__name__ == '__main__'" in path.read_text()
]


def output_of(code, *arguments, forked=True):
    """What a process of its own prints, which has imported some modules."""
    words = ('python', '-c', textwrap.dedent(code), *arguments)
    done = command(*words, modules=OTHERS, forked=forked)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_of_every_tool_imports_no_library():
    code = """
        import contextlib, io, os, runpy, sys
        for path in sys.argv[1:]:
            sys.argv = [path, '--help']
            before = set(sys.modules)
            sys.path.insert(0, os.path.dirname(path))
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    runpy.run_path(path, run_name='__main__')
                except SystemExit as end:
                    assert not end.code, path
            del sys.path[0]
            new = {name.split('.')[0] for name in set(sys.modules) - before}
            print(os.path.basename(path), *sorted(
                new & {'torch', 'mmengine', 'mmcv', 'mmpretrain', 'mmdet',
                       'mmseg', 'matplotlib', 'sklearn', 'scipy'}))
    """
    assert len(TOOLS) > 30
    lines = output_of(code, *TOOLS, forked=False).splitlines()
    assert lines == [path.name for path in TOOLS]


@pytest.mark.slow
@pytest.mark.parametrize(
    ('module', 'absent'),
    [
        ('mmmap.cli', 'torch mmengine'),
        (
            'mmmap.ops, mmmap.models.layers, mmmap.models.masking',
            'mmengine mmcv mmpretrain',
        ),
        ('mmmap.models.selfsup', 'mmdet mmseg sklearn'),
    ],
)
def test_what_an_import_does_not_import(module, absent):
    code = f"""
        import sys
        import {module}
        print([n for n in {absent.split()} if n in sys.modules])
    """
    assert output_of(code, forked='torch' not in absent) == '[]\n'


LOOKUP = """
from mmpretrain.registry import MODELS
from mmengine.registry import HOOKS
from mmengine.runner import CheckpointLoader
for kind in (MODELS.get('HybridNet'), HOOKS.get('NaNGuardHook'),
             CheckpointLoader._schemes['']):
    print(kind.__module__)
"""
OURS = (
    'mmmap.models.backbones.hybrid_net\n'
    'mmmap.engine.hooks.nan_guard\n'
    'mmmap.openmmlab.checkpoint_loading\n'
)


@pytest.mark.slow
@pytest.mark.parametrize(
    'first',
    [
        'import mmmap',
        'import mmmap, mmdet.models, mmseg.models',
        'import mmdet.models, mmmap',
        "from mmpretrain.registry import MODELS; MODELS.get('MAE'); "
        'import mmmap',
    ],
)
def test_classes_are_registered_whatever_is_imported_first(first):
    assert output_of(f'{first}\n{LOOKUP}').endswith(OURS)


@pytest.mark.slow
def test_hooks_are_found_from_another_library_first():
    """mmdet's registry looks into mmengine's, which has no locations."""
    code = (
        'import mmmap\nfrom mmdet.registry import HOOKS\n'
        "print(HOOKS.get('NaNGuardHook').__name__)"
    )
    assert output_of(code).endswith('NaNGuardHook\n')


def test_mmpretrains_layer_for_mmdet_comes_with_mmdet():
    code = """
        import sys
        import mmmap
        from mmpretrain.registry import MODELS
        import mmpretrain.models.utils as utils
        print(MODELS.get('VisionTransformer').__name__, 'mmdet' in sys.modules,
              utils.ResLayerExtraNorm)
        import mmdet.models
        from mmdet.registry import MODELS
        print(MODELS.get('ResLayerExtraNorm') is utils.ResLayerExtraNorm,
              utils.ResLayerExtraNorm.__mro__[1].__name__)
    """
    assert output_of(code).splitlines() == [
        'VisionTransformer False None',
        'True ResLayer',
    ]


@pytest.mark.slow
def test_the_libraries_start_without_a_word():
    code = 'import mmmap, mmpretrain.datasets, mmdet.datasets, mmseg.datasets'
    assert output_of(code) == ''
    assert 'Could not import OneDL' in output_of('import mmseg.datasets')


def test_messages_for_developers_reach_a_logger(tmp_path):
    file = tmp_path / 'log'
    code = f"""
        import logging, mmmap
        from mmengine.logging import MMLogger, print_log
        MMLogger.get_instance('a', log_file={str(file)!r}, log_level='DEBUG')
        print_log('to nobody', level=logging.DEBUG)
        print_log('to all')
        print_log('to the log', 'current', logging.DEBUG)
    """
    assert 'to nobody' not in output_of(code)
    assert 'to the log' in file.read_text()
