"""mmengine loads files and URLs with our reader, which runs no code.

``load_from``, ``--resume``, ``init_cfg`` of any model and the inferencers of
the three libraries all use mmengine's CheckpointLoader. Its own reader falls
back to full unpickling, which lets a file run any code; ours refuses that,
and reads safetensors too.
"""

from mmengine.runner import CheckpointLoader

from ..checkpoints import read_checkpoint


def load_file(
    filename: str, map_location=None, model_dir: str | None = None, **_
) -> dict:
    """Load a checkpoint, with mmengine's arguments.

    Args:
        filename: File or http(s) URL.
        map_location: See ``torch.load``; None means the CPU.
        model_dir: Ignored; downloads go to torch's cache.

    Raises:
        CheckpointError: It cannot be read, or holds more than weights.
    """
    return read_checkpoint(filename, map_location or 'cpu')


# '' is the scheme of local files.
CheckpointLoader.register_scheme(
    ['', 'http://', 'https://'], load_file, force=True
)
