"""The C++ kernels for processors without AVX2, on any processor."""

import os
import subprocess
import sys

import pytest

from tests.helpers import REPO
from tests.ops.scan_cases import CPP

BASELINE = """
import sys
import pytest
import torch
assert torch.backends.cpu.get_cpu_capability() == 'DEFAULT'
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.slow
@CPP.marks[0]
def test_kernels_without_avx2_pass_the_same_tests():
    tests = [
        'tests/ops/test_against_reference.py',
        'tests/ops/test_causal_conv1d.py',
        'tests/ops/test_extremes.py',
    ]
    options = ['-q', '-k', 'cpp and not 2049', '-p', 'no:cacheprovider']
    done = subprocess.run(
        [sys.executable, '-c', BASELINE, *options, *tests],
        cwd=REPO,
        env=os.environ | {'ATEN_CPU_CAPABILITY': 'default'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
