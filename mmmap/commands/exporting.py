"""``mmmap export``: a run as one file, by ``tools/export_onnx.py``."""

import argparse
import shlex

from .. import shipped
from .opened import CONFIG, model_file, run_folder


def export_run(args: argparse.Namespace) -> None:
    """Write the ONNX file of a run, and say how to predict with it.

    Raises:
        UserError: The run cannot be exported; see docs/deployment.md.
    """
    run = run_folder(args.run)
    checkpoint = model_file(args.run, args.checkpoint)
    tool = shipped.tool('export_onnx')
    options = ['--overwrite'] if args.overwrite else []
    given = [str(run / CONFIG), str(checkpoint), args.out, *options]
    tool.export(tool.parse_args(given))
    file = shlex.quote(args.out)
    print(f'to predict: mmmap predict {file} IMAGES --out predicted')
