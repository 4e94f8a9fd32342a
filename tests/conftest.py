"""What every test needs."""

import gc
import os

# Small tensors gain nothing from more threads, and one adds up in one order.
os.environ.setdefault('OMP_NUM_THREADS', '1')

if not os.path.exists('/dev/nvidia0'):
    # Triton's kernels are tested on the CPU then, one element at a time.
    os.environ.setdefault('TRITON_INTERPRET', '1')

import pytest  # noqa: E402
import setuptools  # noqa: E402, F401  before any import of distutils
import torch  # noqa: E402  reads the variable

torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Long tests come first, so that no process waits for another's last."""
    items.sort(key=lambda item: item.get_closest_marker('slow') is None)


def pytest_collection_finish():
    """Start with what was imported out of the garbage collector's sight."""
    _freeze()
    _forget_runs()  # those of modules that build configs when imported


@pytest.fixture(autouse=True, scope='module')
def frozen():
    """Put what the tests of a file leave, mostly modules, out of its sight.

    mmengine collects garbage whenever it makes a data set: a second each time
    with all these modules, a millisecond without.
    """
    yield
    _freeze()


def _freeze():
    # Collecting again resets the count by which Python decides to collect.
    gc.collect()
    gc.freeze()
    gc.collect()


@pytest.fixture(autouse=True)
def no_scope_left_behind():
    """A runner leaves its library's registry as everybody's default.

    And its logger, which writes to what a test captured.
    """
    yield
    _forget_runs()


def _forget_runs():
    from mmengine.logging import MMLogger
    from mmengine.registry import DefaultScope

    DefaultScope._instance_dict.clear()
    MMLogger._instance_dict.clear()
