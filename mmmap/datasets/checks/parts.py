"""The data sets of a config, built, and asked what they will really read."""

import contextlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

from ..config_datasets import plain_datasets
from ..image_files import list_images
from ..point_files import PointFileError
from .coco_form import check_form
from .report import Report
from .written import check_list, check_spelling

# Wrappers that leave labels as they are.
_KEEPING = (
    'ConcatDataset',
    'RepeatDataset',
    'ClassBalancedDataset',
    'MultiImageMixDataset',
    'KFoldDataset',
)


@dataclass
class Part:
    """One data set of a split.

    Attributes:
        split: ``'train'``, ``'val'`` or ``'test'``.
        place: Where it is in the config.
        settings: Its part of the config.
        report: What is found.
        dataset: The data set; None if it could not be built.
        listed: All samples that it lists.
        items: Those of them that are used: the library filters some out.
        content: What a JSON of COCO's holds, else None.
        relabelled: Whether a wrapper changes the labels.
        spelled: Whether the config names the classes in a way that is read.
        folded: Whether a wrapper shares out its samples over the splits.
        dropped: How many objects there are of names that are no class.
        reading: What the library is parsing, as it is written.
    """

    split: str
    place: str
    settings: Mapping
    report: Report
    dataset: BaseDataset | None = None
    listed: list[dict] = field(default_factory=list)
    items: list[dict] = field(default_factory=list)
    content: dict | None = None
    relabelled: bool = False
    spelled: bool = True
    folded: bool = False
    dropped: Counter = field(default_factory=Counter)
    reading: Mapping | None = None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the classes in the order of labels, if it has any."""
        if self.dataset is None or not self.spelled:
            return None
        names = self.dataset.metainfo.get('classes')
        labelled = getattr(self.dataset, 'with_label', True)
        known = isinstance(names, list | tuple) and names and labelled
        return tuple(map(str, names)) if known else None

    @property
    def steps(self) -> list[Mapping]:
        """The steps of the pipeline, as configured."""
        steps = self.settings.get('pipeline') or ()
        return [step for step in steps if isinstance(step, Mapping)]

    def loads(self, what: str) -> bool:
        """Whether a step is set to load something, as ``'with_mask'``."""
        return any(step.get(what) for step in self.steps)

    @property
    def loads_annotations(self) -> bool:
        """Whether a step loads annotations."""
        return any('Annot' in str(s.get('type')) for s in self.steps)

    @property
    def is_coco(self) -> bool:
        """Whether it is mmdet's, of COCO's form."""
        return self.content is not None

    @property
    def is_segmentation(self) -> bool:
        """Whether it is mmseg's."""
        return hasattr(self.dataset, 'reduce_zero_label')

    @property
    def folders(self) -> list[str] | None:
        """The class folders that mmpretrain numbers, in its order."""
        found = getattr(self.dataset, 'folder_to_idx', None)
        return list(found) if found else None


def parts_of(
    config: Mapping, splits: tuple[str, ...], files: dict[str, dict]
) -> Iterator[Part]:
    """Build the data sets of a config, without their pipelines.

    Args:
        config: An mmengine config.
        splits: Which, as ``('train', 'val')``.
        files: Keeps the annotation files that were read, by path.

    Yields:
        Each; what keeps it from being built is an error of its report.
    """
    for split in splits:
        loader = config.get(f'{split}_dataloader') or {}
        outer = loader.get('dataset')
        relabelled = not _keeps_labels(outer)
        where = f'{split}_dataloader.dataset'
        for place, settings in plain_datasets(outer, where):
            report = Report(_title(settings), split)
            part = Part(split, place, settings, report, relabelled=relabelled)
            part.folded = _is_folded(outer)
            _build(part, files)
            yield part


def _keeps_labels(dataset) -> bool:
    if isinstance(dataset, list | tuple):
        return all(map(_keeps_labels, dataset))
    inner = isinstance(dataset, Mapping) and (
        dataset.get('dataset') or dataset.get('datasets')
    )
    kept = str(inner and dataset.get('type')).split('.')[-1] in _KEEPING
    return not inner or (kept and _keeps_labels(inner))


def _is_folded(dataset) -> bool:
    if not isinstance(dataset, Mapping):
        return False
    folded = 'KFold' in str(dataset.get('type'))
    return folded or _is_folded(dataset.get('dataset'))


def _title(settings: Mapping) -> str:
    kind = settings.get('type')
    kind = getattr(kind, '__name__', str(kind).split('.')[-1])
    root = settings.get('data_root') or ''
    prefix = settings.get('data_prefix') or ''
    inside = prefix.values() if isinstance(prefix, Mapping) else [prefix]
    inside = [settings.get('ann_file'), *inside, settings.get('split')]
    inside = ', '.join(str(name) for name in inside if name)
    return f'{kind} in {root or "."}' + (f' ({inside})' if inside else '')


def _build(part: Part, files: dict[str, dict]) -> None:
    """Build the data set of a part and list its samples."""
    try:
        part.spelled = check_spelling(part.report, part.place, part.settings)
        part.dataset = _lazily(part.settings)
        if _is_absent(part):
            part.dataset = None
            return
        _read_coco(part, files)
        check_list(part.report, part.dataset)
        if part.report.errors:
            part.dataset = None  # the library would fail, and name less
            return
        _list_samples(part)
    except PointFileError as error:
        part.report.error(part.place, str(error))
        part.dataset = None
    # Whatever a library raises: it asserts, looks up and unpacks, and does
    # not check. Here it is the data that differ from what it expects.
    except Exception as error:
        if 'is not in the' in str(error) and isinstance(error, KeyError):
            raise  # a registry's: no such class
        kind = type(error).__name__
        told = ' '.join(str(error).split())
        what = f'the data set cannot be built ({kind}: {told})'
        part.report.error(_read_last(part), what, _cure(part, error))
        part.dataset = None


def _read_last(part: Part) -> str:
    """The file that the library failed on, or else the data set."""
    raw = part.reading if isinstance(part.reading, Mapping) else {}
    raw = raw.get('raw_img_info', raw)
    keys = ('xml_path', 'img_path', 'file_name', 'filename')
    return next((str(raw[key]) for key in keys if raw.get(key)), part.place)


def _cure(part: Part, error: Exception) -> str:
    """What to do about some of the libraries' errors."""
    text = str(error)
    if '`classes` in' in text and 'None' in text:
        return 'write metainfo=dict(classes=(...)): this type has no classes'
    if 'number of subfolders' in text:
        return (
            'set metainfo.classes to the folders, or use type=CustomDataset, '
            'which names classes by the folders'
        )
    if 'is not a subset of classes' in ' '.join(text.split()):
        return (
            'this type has classes of its own; take type=BaseSegDataset for '
            'other classes'
        )
    if 'palette does not match' in text:
        return 'give one colour for each class, or no palette'
    labelled = getattr(part.dataset, 'with_label', False)
    if 'Found 0 files' in text and labelled and not part.folders:
        return (
            'images must lie in class folders, as <class>/<image>; for '
            'images without labels set with_label=False'
        )
    if 'Found 0 files' in text:
        return 'put images there, or set extensions of the data set'
    return ''


def _lazily(settings: Mapping) -> BaseDataset:
    """The data set without a pipeline, which has not read anything yet."""
    plain = {k: v for k, v in settings.items() if k != 'pipeline'}
    try:
        return DATASETS.build(dict(plain, pipeline=[], lazy_init=True))
    except TypeError as error:
        if 'lazy_init' not in str(error) and 'pipeline' not in str(error):
            raise
        return DATASETS.build(plain)


def _is_absent(part: Part) -> bool:
    """Whether a folder or the annotation file is not there; note it."""
    dataset, settings = part.dataset, part.settings
    if not is_local(dataset) or getattr(dataset, 'download', False):
        return False
    listed = getattr(dataset, 'ann_file', '')
    listed = listed if isinstance(listed, str) else ''
    prefix = getattr(dataset, 'data_prefix', None) or {}
    inside = () if listed else prefix.values()
    root = settings.get('data_root')
    for path in filter(None, (root, listed, *inside)):
        if not Path(path).exists():
            part.report.error(
                path,
                'does not exist',
                'prepare the data with tools/dataset_converters/, or name '
                'their folder with --data-root DIR',
            )
            return True
        if path != listed and not Path(path).is_dir():
            part.report.error(path, 'is a file, expected a folder')
            return True
    return False


def is_local(dataset) -> bool:
    """Whether the files of a data set are on this machine's disks."""
    backend = getattr(dataset, 'backend_args', None) or {}
    root = str(getattr(dataset, 'data_root', None) or '')
    file = str(getattr(dataset, 'ann_file', None) or '')
    local = backend.get('backend', 'local') in ('local', 'disk')
    return local and '://' not in root and '://' not in file


def _read_coco(part: Part, files: dict[str, dict]) -> None:
    """Read a JSON of COCO's form once for all who ask for it."""
    dataset = part.dataset
    api = getattr(dataset, 'COCOAPI', None)
    if getattr(api, '__name__', '') != 'COCO' or not is_local(dataset):
        return
    content = read_coco(dataset.ann_file, part.report, files)
    if content is None:
        return
    check_form(part.report, dataset.ann_file, content, ('area',))
    part.content = content
    dataset.COCOAPI = _already_read(api, content)


def read_coco(
    path: str, report: Report, files: dict[str, dict]
) -> dict | None:
    """What a JSON of COCO's form holds; None, with an error, for others.

    Args:
        path: The file.
        report: Where to note what is wrong.
        files: What was read before, by path.
    """
    if path in files:
        return files[path]
    try:
        content = json.loads(Path(path).read_text())
    except FileNotFoundError:
        report.error(path, 'does not exist')
        return None
    except (OSError, ValueError) as error:
        report.error(path, f'cannot be read as JSON ({error})')
        return None
    if not isinstance(content, dict):
        kind = type(content).__name__
        report.error(path, f'holds a {kind}, expected a dict')
        return None
    keys = ('images', 'categories')
    if 'annotations' in content:
        keys = (*keys, 'annotations')
    missing = [key for key in keys if not isinstance(content.get(key), list)]
    if missing:
        report.error(path, f'has no list of {" and of ".join(missing)}')
        return None
    files[path] = content
    return content


def _already_read(api: type, content: dict) -> Callable:
    """In place of mmdet's reader of a file, its contents."""

    def made(_path):
        with contextlib.redirect_stdout(io.StringIO()):
            coco = api()
            coco.dataset = content
            coco.createIndex()
        coco.img_ann_map, coco.cat_img_map = coco.imgToAnns, coco.catToImgs
        return coco

    return made


def _list_samples(part: Part) -> None:
    """Let the library list its samples, and filter them."""
    dataset = part.dataset
    if not isinstance(dataset, BaseDataset):
        kind = type(dataset).__name__
        part.report.warn(part.place, f'a {kind} is not looked into')
        return
    load = dataset.load_data_list

    def recorded() -> list[dict]:
        part.listed = load()
        return part.listed

    dataset.load_data_list = recorded
    _watch(part)
    dataset.serialize_data = False
    dataset.full_init()
    part.reading = None
    part.items = dataset.data_list
    part.report.counts['images'] = len(part.items)
    if not part.items:
        _explain_empty(part)


def _watch(part: Part) -> None:
    """Note what the library parses, and which objects of XML it drops."""
    dataset = part.dataset
    parse = dataset.parse_data_info
    objects = getattr(dataset, '_parse_instance_info', None)

    def noted(raw):
        part.reading = raw
        return parse(raw)

    def counted(tree, *args, **kwargs):
        names = [str(one.findtext('name')) for one in tree.findall('object')]
        known = dataset.metainfo.get('classes') or ()
        part.dropped.update(name for name in names if name not in known)
        return objects(tree, *args, **kwargs)

    dataset.parse_data_info = noted
    if objects:
        dataset._parse_instance_info = counted


def _explain_empty(part: Part) -> None:
    """Note an error: nothing is left to train or test on."""
    dataset = part.dataset
    if part.listed:
        part.report.error(
            part.place,
            f'none of the {len(part.listed):,} listed images is left: the '
            'filter_cfg (filter_empty_gt, min_size) removes images without '
            'annotations of the classes, and small ones',
            'see the other findings, and check metainfo.classes',
        )
        return
    folder = (getattr(dataset, 'data_prefix', None) or {}).get('img_path')
    suffix = getattr(dataset, 'img_suffix', '')
    place = getattr(dataset, 'ann_file', '') or folder or part.place
    what = f'holds no images named *{suffix}' if suffix else 'lists no images'
    there = list_images(folder) if suffix and folder else ()
    others = Counter(f'*{Path(path).suffix}' for path in there)
    if others:
        what += f', but {", ".join(f"{n:,} {k}" for k, n in others.items())}'
    do = 'set img_suffix' if others else 'put images there'
    part.report.error(place, what, do)
