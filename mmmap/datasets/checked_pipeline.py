"""A pipeline whose errors name the file, and the reason."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from mmengine.dataset import Compose

from .checks.class_maps import IGNORED, class_map_problem
from .checks.orientation import explain
from .checks.report import DataError
from .checks.samples import size_problem
from .image_files import Header, read_header

# Skipped in a row, after which a run ends; mmengine itself tries 1000 times.
_HOPELESS = 500


class SampleError(DataError):
    """An unusable image or annotation; the message names the file."""


class SkippedFiles:
    """A list of skipped images, in a file that all processes append to.

    Args:
        path: Text file; each line has the image, a tab and the reason.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def add(self, name: str, reason: str) -> None:
        """Add an image, unless this process has added it before."""
        if name not in self.names():
            reason = ' '.join(reason.split())
            with open(self.path, 'a', errors='surrogateescape') as file:
                file.write(f'{name}\t{reason}\n')

    def names(self) -> list[str]:
        """The images skipped so far, each once."""
        if not self.path.is_file():
            return []
        lines = self.path.read_text(errors='surrogateescape').splitlines()
        return list(dict.fromkeys(line.split('\t')[0] for line in lines))


class CheckedPipeline(Compose):
    """mmengine's pipeline, with errors that name the file.

    It also checks what is loaded: an image must have the size that its
    annotations are for, a class map one channel, the size of its image and
    only known classes. Otherwise training would silently use wrong data, or
    end in an error without a file name.

    Args:
        transforms: The transforms of the pipeline.
        num_classes: Number of classes of class maps; None for no class maps.
        ignored: Values of class maps that are allowed but are not classes.
        skipped: Records skipped images; without it, a ``SampleError`` is
            raised.
    """

    def __init__(
        self,
        transforms: Sequence[Callable],
        num_classes: int | None = None,
        skipped: SkippedFiles | None = None,
        ignored: Collection[int] = (IGNORED,),
    ) -> None:
        super().__init__(transforms)
        self.num_classes = num_classes
        self.ignored = ignored
        self._failed = 0  # samples in a row
        self.skipped = skipped

    def __call__(self, data: dict) -> dict | None:
        """Return the sample, or None to skip it and take another.

        Raises:
            SampleError: The sample is unusable and must not be skipped.
        """
        image = str(data.get('img_path', f'sample {data.get("sample_idx")}'))
        name = _name(image, data.get('seg_map_path'))
        try:
            found = self._run(data)
        except SampleError as error:
            if self.skipped is None:
                raise SampleError(
                    f'{name} cannot be used: {error}. Fix or remove it; '
                    '--skip-bad of tools/train.py skips such images in '
                    'training'
                ) from error.__cause__
            self.skipped.add(image, str(error))
            self._failed += 1
            if self._failed >= _HOPELESS:
                raise SampleError(
                    f'none of the last {_HOPELESS} samples could be used, the '
                    f'last {name}: {error}. All are listed in '
                    f'{self.skipped.path}'
                ) from error.__cause__
            return None
        self._failed = 0
        return found

    def _run(self, data: dict) -> dict | None:
        for step in self.transforms:
            new = {'img', 'gt_seg_map'} - data.keys()
            try:
                data = step(data)
            except Exception as error:
                what = f'{type(error).__name__}: {error}'
                raise SampleError(f'{type(step).__name__}: {what}') from error
            if data is None:
                return None
            new &= data.keys()
            if 'img' in new:
                size = data['img'].shape[1::-1]
                problem = size_problem(data, size)
                other = data.get('width'), data.get('height')
                _refuse(problem, data, size, other)
            if 'gt_seg_map' in new:
                problem = class_map_problem(
                    data['gt_seg_map'],
                    data['ori_shape'],
                    self.num_classes,
                    self.ignored,
                )
                size = data['ori_shape'][1::-1]
                _refuse(problem, data, size, data['gt_seg_map'].shape[1::-1])
        return data


def _refuse(problem: str | None, data: dict, size, other) -> None:
    """Raise a problem of an image of a size with annotations for another."""
    if problem:
        header = read_header(data.get('img_path', ''))
        if isinstance(header, Header):
            problem += explain(header, size, other)
        raise SampleError(problem)


def _name(image: str, class_map: str | None) -> str:
    return f'{image} (class map {class_map})' if class_map else image
