"""Write ``tests/data/mmcv_ops.pt``: results of mmcv's compiled operators.

Run from the repository root where mmcv's operators are compiled
(``make install OPS=compiled``), after a change of the cases::

    python -m tests.mmcv_ops.make_reference
"""

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import mmcv._ext
import torch

from tests.mmcv_ops.cases import CASES, run

PATH = Path(__file__).parents[1] / 'data' / 'mmcv_ops.pt'


def main() -> None:
    """Draw the inputs, call the operators, store both."""
    if not mmcv._ext.__file__.endswith(tuple(EXTENSION_SUFFIXES)):
        sys.exit(f'{mmcv._ext.__file__} is not compiled; see the docstring')
    torch.manual_seed(0)
    reference = {}
    for name, case in CASES.items():
        inputs = case.inputs()
        reference[name] = dict(inputs=inputs, results=run(case, inputs))
    torch.save(reference, PATH)


if __name__ == '__main__':
    main()
