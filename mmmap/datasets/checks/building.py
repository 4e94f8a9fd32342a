"""The data sets of a config, built and listed as training does."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree.ElementTree import ParseError

from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

from ..config_datasets import plain_datasets
from ..image_folders import list_images
from ..point_files import PointFileError
from .coco_files import read_coco, reader_of
from .coco_format import check_format
from .panoptic import check_panoptic
from .parts import Part, is_local
from .report import Report
from .written import check_list, check_spelling

# Wrappers that do not change labels.
_KEEPING = (
    'ConcatDataset',
    'RepeatDataset',
    'ClassBalancedDataset',
    'MultiImageMixDataset',
    'KFoldDataset',
)


def parts_of(
    config: Mapping, splits: tuple[str, ...], files: dict[str, dict]
) -> Iterator[Part]:
    """Build the data sets of a config, without their pipelines.

    Args:
        config: An mmengine config.
        splits: Which, for example ``('train', 'val')``.
        files: Keeps the annotation files that were read, by path.

    Yields:
        Each data set; if it cannot be built, its report has the reason.
    """
    for split in splits:
        loader = config.get(f'{split}_dataloader') or {}
        outer = loader.get('dataset')
        relabelled = not _keeps_labels(outer)
        where = f'{split}_dataloader.dataset'
        for place, settings in plain_datasets(outer, where):
            report = Report(_title(settings), split)
            part = Part(split, place, settings, report, relabelled=relabelled)
            folds = list(_folds(outer))
            mine = (fold for fold in folds if fold['dataset'] == settings)
            part.fold = next(mine, None)
            part.mixed = _has_pipeline(outer)
            part.unsplit = bool(folds) and not part.fold
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


def _has_pipeline(dataset) -> bool:
    """Whether a wrapper has its own pipeline."""
    if isinstance(dataset, list | tuple):
        return any(map(_has_pipeline, dataset))
    if not isinstance(dataset, Mapping):
        return False
    inner = dataset.get('dataset') or dataset.get('datasets')
    return inner is not None and (
        'pipeline' in dataset or _has_pipeline(inner)
    )


def _folds(dataset) -> Iterator[Mapping]:
    """All wrappers of a data set that split it for cross-validation."""
    if isinstance(dataset, list | tuple):
        for one in dataset:
            yield from _folds(one)
    elif isinstance(dataset, Mapping):
        if 'KFold' in str(dataset.get('type')):
            yield dataset
        yield from _folds(dataset.get('dataset') or dataset.get('datasets'))


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
        part.named = check_spelling(part.report, part.place, part.settings)
        part.dataset = _without_pipeline(part.settings)
        if _is_missing(part):
            part.dataset = None
            return
        _read_coco(part, files)
        check_list(part.report, part.dataset)
        if part.report.errors:
            part.dataset = None  # the library's own error would say less
            return
        _list_samples(part)
    except PointFileError as error:
        part.report.error(part.place, str(error))
        part.dataset = None
    # Libraries do not check data, and raise errors of any type.
    except Exception as error:
        if 'is not in the' in str(error) and isinstance(error, KeyError):
            raise  # a registry's: no such class
        kind = type(error).__name__
        text = ' '.join(str(error).split())
        what = f'the data set cannot be built ({kind}: {text})'
        if isinstance(error, OSError) and error.strerror:
            what = f'cannot be read ({error.strerror})'
        part.report.error(_read_last(part), what, _cure(part, error))
        part.dataset = None


def _read_last(part: Part) -> str:
    """The file at which the library failed, or else the data set."""
    raw = part.reading if isinstance(part.reading, Mapping) else {}
    raw = raw.get('raw_img_info', raw)
    keys = ('xml_path', 'img_path', 'file_name', 'filename')
    return next((str(raw[key]) for key in keys if raw.get(key)), part.place)


def _cure(part: Part, error: Exception) -> str:
    """What to do about some of the libraries' errors."""
    text = ' '.join(str(error).split())
    labelled = getattr(part.dataset, 'with_label', False)
    if isinstance(error, FileNotFoundError):
        return 'add the file, or remove it from the list'
    if isinstance(error, ParseError):
        return 'copy the file again, or remove it from the list'
    if '`classes` in' in text and 'None' in text:
        return 'write metainfo=dict(classes=(...)): this type has no classes'
    if 'number of subfolders' in text:
        return (
            'set metainfo.classes to the folders, or use type=CustomDataset, '
            'which names classes by the folders'
        )
    if 'is not a subset of classes' in text:
        return (
            'this type has classes of its own; for other classes use '
            'type=BaseSegDataset'
        )
    if 'palette does not match' in text:
        return 'give one colour for each class, or no palette'
    if 'Found 0 files' in text and labelled and not part.folders:
        return (
            'images must lie in class folders, as <class>/<image>; for '
            'images without labels set with_label=False'
        )
    if 'Found 0 files' in text:
        return 'put images there, or set extensions of the data set'
    return ''


def _without_pipeline(settings: Mapping) -> BaseDataset:
    """The data set without a pipeline, which has not read anything yet."""
    plain = {k: v for k, v in settings.items() if k != 'pipeline'}
    try:
        return DATASETS.build(dict(plain, pipeline=[], lazy_init=True))
    except TypeError as error:
        if 'lazy_init' not in str(error) and 'pipeline' not in str(error):
            raise
        return DATASETS.build(plain)


def _is_missing(part: Part) -> bool:
    """Whether a folder or the annotation file is missing; report it."""
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


def _read_coco(part: Part, files: dict[str, dict]) -> None:
    """Read a COCO JSON and give it to the data set."""
    dataset, report = part.dataset, part.report
    api = getattr(dataset, 'COCOAPI', None)
    kind = getattr(api, '__name__', '')
    if kind not in ('COCO', 'COCOPanoptic') or not is_local(dataset):
        return
    path = dataset.ann_file
    content = read_coco(path, report, files)
    if content is None:
        return
    if kind == 'COCO':
        check_format(report, path, content, ('area',))
        part.content = content
    else:
        meta = dataset.metainfo if part.named else {}
        check_panoptic(report, part.place, path, content, meta)
        categories = content['categories']
        part.things = {c.get('name'): c.get('isthing') for c in categories}
    dataset.COCOAPI = reader_of(api, content)


def _list_samples(part: Part) -> None:
    """Let the library list its samples, and filter them."""
    dataset = part.dataset
    if not isinstance(dataset, BaseDataset):
        kind = type(dataset).__name__
        part.report.warn(part.place, f'the samples of a {kind} are unchecked')
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
    if part.items and part.fold:
        _take_fold(part)
    part.report.counts['images'] = len(part.items)
    if not part.items:
        _explain_empty(part)


def _watch(part: Part) -> None:
    """Record what the library parses, and the XML objects that it drops."""
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


def _take_fold(part: Part) -> None:
    """Keep the samples that a ``KFoldDataset`` keeps."""
    inner = dict(part.settings, pipeline=[], lazy_init=True)
    fold = DATASETS.build(dict(part.fold, dataset=inner))
    fold.dataset = part.dataset
    fold.full_init()
    part.dataset = fold.dataset
    part.items = fold.dataset.data_list


def _explain_empty(part: Part) -> None:
    """Report that nothing is left to train or test on."""
    dataset = part.dataset
    if part.listed:
        part.report.error(
            part.place,
            f'none of the {len(part.listed):,} listed images is left: '
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
