"""mmengine's loading of files and URLs, by the reader that runs no code.

``load_from``, ``--resume``, ``init_cfg`` of any model and the inferencers of
the three libraries all ask mmengine's CheckpointLoader. Its own reader falls
back to full unpickling, which lets a file run anything; with this one that is
refused, and safetensors are read.
"""

from mmengine.runner import CheckpointLoader

from ..checkpoints import read_checkpoint


def load_file(
    filename: str, map_location=None, model_dir: str | None = None, **_
) -> dict:
    """What mmengine asks of a loader.

    Args:
        filename: File, or http(s) URL.
        map_location: As of ``torch.load``; None means the CPU.
        model_dir: Of mmengine's own loader; torch's cache is taken.

    Raises:
        CheckpointError: It cannot be read, or holds more than weights.
    """
    return read_checkpoint(filename, map_location or 'cpu')


# '' is the scheme of local files.
CheckpointLoader.register_scheme(
    ['', 'http://', 'https://'], load_file, force=True
)
