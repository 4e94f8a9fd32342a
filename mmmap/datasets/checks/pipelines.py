"""One sample through the whole pipeline, as training or validation runs it.

An error in the pipeline of a validation would end a run after its first epoch.
"""

from collections.abc import Iterator, Mapping, Sequence

from mmengine.registry import TRANSFORMS

from .parts import Part
from .samples import Looked

_PACK = {
    'mmpretrain': 'PackInputs',
    'mmdet': 'PackDetInputs',
    'mmseg': 'PackSegInputs',
}
# Metrics of mmpretrain that compare with labels.
_LABELLED = ('Accuracy', 'SingleLabelMetric', 'MultiLabelMetric')


def check_pipeline(
    part: Part,
    looks: Sequence[Looked],
    config: Mapping,
    metrics: Sequence[Mapping],
) -> None:
    """Run one sample through the pipeline of a part.

    Args:
        part: Its samples are listed already.
        looks: Its samples that were opened.
        config: An mmengine config.
        metrics: The metrics of its split.
    """
    # Not a damaged image, nor a large one, which a quick check does not
    # decode.
    good = {one.path for one in looks if one.digest and not one.problem}
    paths = [str(item.get('img_path')) for item in part.items]
    usable = (k for k, p in enumerate(paths) if p in good or not looks)
    index = next(usable, None)
    steps = part.settings.get('pipeline') or ()
    if index is None or not all(isinstance(s, Mapping) for s in steps):
        return
    if not all(finding.skippable for finding in part.report.errors):
        return  # this could only repeat them
    data = part.dataset.prepare_data(index)
    for number, step in enumerate(steps):
        try:
            transform = TRANSFORMS.build(step)
        except (ImportError, KeyError):
            return  # not installed or not registered: reported at the start
        except Exception as error:
            _report_step(part, number, 'cannot be built', error)
            return
        try:
            data = transform(data)
        # Transforms raise errors of any type.
        except Exception as error:
            _report_step(part, number, f'fails on {paths[index]}', error)
            return
        if data is None:
            return  # a random step that wants another sample
    if isinstance(data, Mapping) and 'pipeline' in part.settings:
        for what, do in _missing(part, data, config, metrics):
            part.report.error(f'{part.place}.pipeline', what, do)


def _report_step(part: Part, number: int, what: str, error: Exception) -> None:
    kind = part.settings['pipeline'][number].get('type')
    kind = getattr(kind, '__name__', kind)
    reason = ' '.join(str(error).split())
    part.report.error(
        f'{part.place}.pipeline[{number}]',
        f'{kind} {what} ({type(error).__name__}: {reason})',
        'correct this step or the ones before it',
    )


def _missing(
    part: Part, data: Mapping, config: Mapping, metrics: Sequence[Mapping]
) -> Iterator[tuple[str, str]]:
    """What a packed sample lacks, and what to do about it."""
    model = config.get('model') or {}
    pack = _PACK.get(config.get('default_scope'))
    if pack and model.get('type') and not part.mixed and 'inputs' not in data:
        yield (
            'gives no inputs for the model',
            f"end it with dict(type='{pack}')",
        )
    sample = data.get('data_samples')
    if sample is None:
        return
    kinds = [
        str(metric.get('type')).split('.')[-1]
        for metric in metrics
        if not metric.get('format_only')
    ]
    learnt = part.split == 'train' and 'decode_head' in model
    needed = part.is_segmentation and (learnt or 'IoUMetric' in kinds)
    if needed and 'gt_sem_seg' not in sample:
        yield (
            'loads no class maps, which the heads or the metric need',
            f"add dict(type='LoadAnnotations') before {pack}",
        )
    if any(kind in _LABELLED for kind in kinds) and 'gt_label' not in sample:
        yield (
            'gives no labels, which the metric needs',
            'set with_label=True of the data set, or give it labels',
        )
