"""Features of all images of a folder, computed once.

Letters: B batch, N images, C channels, L tokens, h w rows and columns.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from mmengine.dataset import pseudo_collate
from mmengine.utils import ProgressBar
from mmpretrain.datasets import CustomDataset
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..datasets.checks import check_dataset
from ..datasets.image_folders import list_images
from ..datasets.image_reader import PLAIN
from ..errors import InputError


def image_folder(
    root: Path, size: tuple[int, int], loading: Sequence[dict] = PLAIN
) -> CustomDataset:
    """The images ``root/<class>/<image>``, prepared as for testing.

    The shorter edge is resized to 8/7 of the input size, and the centre is
    cropped. Resampling is bicubic, as in the configs; for 8-bit colour images
    it is Pillow's, which antialiases.

    Args:
        root: Folder of one split.
        size: H and W of the model's input.
        loading: The config's steps that read an image.

    Raises:
        InputError: A folder with another layout, or unreadable images.
    """
    folders = [path for path in root.glob('*') if path.is_dir()]
    if root.is_dir() and not any(map(list_images, folders)):
        raise InputError(
            f'{root} has no images in class folders; expected '
            f'{root}/<class>/<image>'
        )
    settings = dict(
        type='CustomDataset', data_root=str(root), pipeline=list(loading)
    )
    report = check_dataset(settings, 'mmpretrain')
    if report.errors:
        # Their advice is on the data of a config.
        problems = [f'{error.where}: {error.what}' for error in report.errors]
        raise InputError('; '.join(problems))
    pipeline = [
        *loading,
        dict(
            type='ResizeEdge',
            scale=round(max(size) * 8 / 7),
            edge='short',
            backend='pillow' if list(loading) == PLAIN else 'cv2',
            interpolation='bicubic',
        ),
        dict(type='CenterCrop', crop_size=size[::-1]),
        dict(type='PackInputs'),
    ]
    return CustomDataset(data_root=str(root), pipeline=pipeline)


def pooled(outs: Tensor | Sequence[Tensor]) -> Tensor:
    """One vector per image (B, C) from the outputs of a backbone.

    It uses the last output, and the mean of maps (B, C, h, w) or tokens
    (B, L, C).

    Raises:
        InputError: An output of another form.
    """
    last = outs if isinstance(outs, Tensor) else outs[-1]
    usable = isinstance(last, Tensor) and last.is_floating_point()
    if not usable or last.dim() not in (2, 3, 4):
        raise InputError(
            'a backbone must give vectors (B, C), tokens (B, L, C) or maps '
            '(B, C, h, w) of floats, got '
            f'{getattr(last, "dtype", type(last).__name__)} '
            f'{tuple(getattr(last, "shape", ()))}'
        )
    if last.dim() == 4:
        return last.mean((2, 3))
    return last.mean(1) if last.dim() == 3 else last


@torch.no_grad()
def extract(
    encode: Callable[[Tensor], Tensor],
    dataset: Dataset,
    preprocess: Callable[[dict], dict],
    batch_size: int = 64,
    workers: int = 0,
    progress: bool = True,
) -> tuple[Tensor, Tensor]:
    """Features and labels of all samples, in order, on the CPU.

    Args:
        encode: Maps images (B, 3, H, W) or clouds (B, N, 3) to vectors (B, C).
        dataset: Has ``inputs`` and ``data_samples`` with a label.
        preprocess: Maps a batch of those to the ``inputs`` of ``encode``.
        batch_size: B.
        workers: Processes that read images.
        progress: Show a bar on stderr.

    Returns:
        (N, C) in fp32 and (N,).

    Raises:
        InputError: A sample that cannot be read.
    """
    loader = DataLoader(
        _Named(dataset),
        batch_size=batch_size,
        num_workers=workers,
        collate_fn=pseudo_collate,
    )
    bar = progress and ProgressBar(len(dataset), bar_width=20, file=sys.stderr)
    features, labels = [], []
    for batch in loader:
        unread = [x for x in batch['problem'] if x]
        if unread:
            raise InputError(unread[0])
        inputs = preprocess(dict(inputs=batch['inputs']))['inputs']
        features.append(encode(inputs).float().cpu())
        labels += [sample.gt_label.item() for sample in batch['data_samples']]
        if bar:
            bar.update(len(inputs))
    if bar:
        print(file=sys.stderr)
    return torch.cat(features), torch.tensor(labels)


class _Named(Dataset):
    """Samples, or the name of an image that cannot be read.

    An error in a worker would arrive with its whole traceback.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        try:
            return self.dataset[index] | dict(problem='')
        # Damaged bytes make decoders raise errors of any type.
        except Exception as error:
            about = self.dataset.get_data_info(index)
            path = about.get('img_path', about.get('path', f'sample {index}'))
            reason = str(error).splitlines() or [type(error).__name__]
            problem = f'{path} cannot be read ({reason[0]})'
            return dict(inputs=None, data_samples=None, problem=problem)
