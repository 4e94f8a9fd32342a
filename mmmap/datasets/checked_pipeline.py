"""A pipeline that tells which file it could not use, and why."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mmengine.dataset import Compose

from .checks import IGNORED_LABEL
from .of_config import DataError


class SampleError(DataError):
    """An image or its annotation that cannot be used, with its file."""


class SkippedFiles:
    """A list of what was left out, in a file that all processes append to.

    Args:
        path: A line for each: the image, a tab, the reason.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def add(self, name: str, reason: str) -> None:
        """Note one; a process that sees it again notes nothing."""
        if name not in self.names():
            reason = ' '.join(reason.split())
            with open(self.path, 'a') as file:
                file.write(f'{name}\t{reason}\n')

    def names(self) -> list[str]:
        """The images left out so far, each once."""
        if not self.path.is_file():
            return []
        lines = self.path.read_text().splitlines()
        return list(dict.fromkeys(line.split('\t')[0] for line in lines))


class CheckedPipeline(Compose):
    """mmengine's pipeline; what fails in it is told with the file's name.

    What is loaded is looked at too: whether an image has the size that its
    annotations are for, whether a class map is one, has the size of its image,
    and holds no class that does not exist. All of that would be trained on in
    silence, or end in an error that names no file.

    Args:
        transforms: Of the pipeline, built.
        num_classes: Of class maps; None where there are none.
        skipped: Notes what is left out; without it a :class:`SampleError` is
            raised instead.
    """

    def __init__(
        self,
        transforms: Sequence[Callable],
        num_classes: int | None = None,
        skipped: SkippedFiles | None = None,
    ) -> None:
        super().__init__(transforms)
        self.num_classes = num_classes
        self.skipped = skipped

    def __call__(self, data: dict) -> dict | None:
        """The sample; None for one left out, whose place another takes.

        Raises:
            SampleError: The sample cannot be used and none may be left out.
        """
        image = str(data.get('img_path', f'sample {data.get("sample_idx")}'))
        name = _name(image, data.get('seg_map_path'))
        try:
            return self._run(data)
        except SampleError as error:
            if self.skipped is None:
                raise SampleError(
                    f'{name} cannot be used: {error}. Mend or remove it; '
                    '--skip-bad of tools/train.py leaves such images out of '
                    'training'
                ) from error.__cause__
            self.skipped.add(image, str(error))
            return None

    def _run(self, data: dict) -> dict | None:
        for step in self.transforms:
            new = {'img', 'gt_seg_map'} - data.keys()
            try:
                data = step(data)
            except Exception as error:
                told = f'{type(error).__name__}: {error}'
                raise SampleError(f'{type(step).__name__}: {told}') from error
            if data is None:
                return None
            new &= data.keys()
            if 'img' in new:
                _check_image(data)
            if 'gt_seg_map' in new:
                self._check_class_map(data)
        return data

    def _check_class_map(self, data: Mapping) -> None:
        labels, size = data['gt_seg_map'], tuple(data['ori_shape'][:2])
        if labels.ndim != 2:
            raise SampleError(
                f'the class map has {labels.shape[-1]} channels, expected 1'
            )
        if labels.shape != size:
            raise SampleError(
                f'the class map is {_told(labels.shape)}, the image '
                f'{_told(size)}'
            )
        if self.num_classes is None:
            return
        wrong = (labels >= self.num_classes) & (labels != IGNORED_LABEL)
        if wrong.any():
            raise SampleError(
                f'the class map has the class {labels[wrong].max()}, counted '
                f'from 0, of {self.num_classes} classes'
            )


def _check_image(data: Mapping) -> None:
    listed = data.get('height'), data.get('width')
    found = tuple(data['img'].shape[:2])
    if None not in listed and found != listed:
        raise SampleError(
            f'it is {_told(found)}, its annotations are for {_told(listed)}'
        )


def _name(image: str, class_map: str | None) -> str:
    return f'{image} (class map {class_map})' if class_map else image


def _told(size: Sequence[int]) -> str:
    return f'{size[1]}x{size[0]}'
