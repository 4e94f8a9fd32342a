"""The model of ``mmmap predict``: of a run, or a file of ``mmmap export``.

What needs torch is imported where it is used: a file needs none of it.
"""

from pathlib import Path
from typing import Any

from ..errors import FileError, InputError
from ..inference.tiled_predictor import TiledPredictor

CONFIG = 'config.py'
SUFFIX = '.onnx'


def model_file(given: str | Path, checkpoint: str | Path | None) -> Path:
    """The file that a prediction depends on: a checkpoint, or what is given.

    Args:
        given: The folder of a run, or an ONNX file.
        checkpoint: Of the run; by default its best.

    Raises:
        UserError: There is none.
    """
    path = Path(given).expanduser().absolute()
    if path.suffix == SUFFIX:
        if checkpoint is not None:
            raise InputError(
                f'{given} contains the weights; remove --checkpoint'
            )
        return _existing(path, given)
    run_folder(given)
    if checkpoint is not None:
        return _existing(Path(checkpoint).expanduser().absolute(), checkpoint)
    from . import runs

    return runs.best_checkpoint(path)


def _existing(path: Path, given: str | Path) -> Path:
    if not path.is_file():
        raise FileError(f'{given} does not exist; correct the path')
    return path


def run_folder(given: str | Path) -> Path:
    """The folder of a run.

    Raises:
        InputError: It is none.
    """
    run = Path(given).expanduser().absolute()
    if not (run / CONFIG).is_file():
        raise InputError(
            f'{given} has no {CONFIG}; give the folder of a run (--out of '
            '`mmmap segment`, `detect` or `classify`) or a file of `mmmap '
            'export`. For other configs use tools/infer.py'
        )
    return run


def open_predictor(
    given: str | Path, model: Path, **options: Any
) -> TiledPredictor:
    """The predictor of a run or of an ONNX file.

    Args:
        given: The folder of the run, or the file.
        model: As :func:`model_file` found it.
        **options: ``device``, ``min_score``, ``tile`` and ``overlap``.

    Raises:
        UserError: It cannot be used.
    """
    if model.suffix == SUFFIX:
        from ..inference.onnx_predictor import OnnxPredictor

        return OnnxPredictor(model, **options)
    from ..inference.run_predictor import RunPredictor
    from . import runs

    with runs.quiet():
        return RunPredictor(run_folder(given) / CONFIG, model, **options)
