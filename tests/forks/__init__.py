"""Command lines in processes of their own, without waiting for imports."""

import atexit
import functools
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
REPO = HERE.parents[1]
# What takes longest to import beside OpenMMLab's packages.
OTHERS = (
    'torch',
    'torch._dynamo',
    'torch.distributed.fsdp',
    'torchvision',
    'scipy.stats',
    'matplotlib.pyplot',
)

SHIM = """#!/bin/sh
FORKED_PYTHON={shim} exec {python} -IS {client} {socket} "$@"
"""


def can_fork():
    """Whether forks are as good: CUDA does not survive one."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # not Linux, or an old one
        return False
    return not os.path.exists('/dev/nvidia0')


@functools.cache
def forked_python(*modules):
    """A ``python`` whose imports are done, to stand first in ``PATH``.

    Args:
        *modules: What is imported; by default torch and OpenMMLab.

    Returns:
        Path: The folder that holds it; that of the real one where a fork
        will not do.
    """
    real = Path(sys.executable).parent
    if not can_fork():
        return real
    folder = Path(tempfile.mkdtemp(prefix='forks'))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    socket, shim = folder / 'socket', folder / 'python'
    words = dict(
        shim=shim,
        python=sys.executable,
        client=HERE / 'client.py',
        socket=socket,
    )
    words = {name: shlex.quote(str(word)) for name, word in words.items()}
    shim.write_text(SHIM.format(**words))
    shim.chmod(0o755)
    # It ends when its input does: with this process at the latest.
    server = subprocess.Popen(
        [sys.executable, HERE / 'server.py', socket, *modules],
        cwd=REPO,
        env=os.environ | environment(real),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)
    lines = iter(server.stdout.readline, 'ready\n')
    for line in lines:
        assert line, 'the fork server of the tests did not start'
    return folder


def environment(folder, **others):
    """The variables of a command line.

    Args:
        folder: Where its ``python`` is.
        **others: More of them.
    """
    modules = [str(REPO), os.environ.get('PYTHONPATH', '')]
    return dict(
        PATH=os.pathsep.join([str(folder), os.environ['PATH']]),
        PYTHON=str(folder / 'python'),
        PYTHONPATH=os.pathsep.join(filter(None, modules)),
        OMP_NUM_THREADS='1',
        OMP_WAIT_POLICY='PASSIVE',
        **others,
    )


def command(*arguments, forked=True, modules=(), cwd=REPO, **others):
    """Run a command line as a user does.

    Args:
        *arguments: Words; ``python`` is that of the tests.
        forked: Whether it may be spared the imports.
        modules: Which imports, instead of torch and OpenMMLab.
        cwd: Where it runs.
        **others: Environment variables.

    Returns:
        CompletedProcess: With what it wrote, as text.
    """
    real = Path(sys.executable).parent
    folder = forked_python(*modules) if forked else real
    return subprocess.run(
        [str(a) for a in arguments],
        cwd=cwd,
        env=os.environ | environment(folder, **others),
        capture_output=True,
        text=True,
        timeout=300,
    )
