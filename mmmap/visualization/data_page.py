"""Pages of samples with their annotations, as training sees them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from mmengine.registry import DefaultScope

from ..datasets.checks import unlike
from ..datasets.checks.building import parts_of
from ..datasets.checks.parts import Part
from ..datasets.checks.samples import Loader
from .images import save_figure
from .palettes import distinct_colours

_SHOWN, _COLUMNS = 12, 4
_NAMED = 20  # classes in the key
_OVERLAY = 0.45


def draw_splits(
    config: Mapping, splits: tuple[str, ...], folder: str | Path
) -> Iterator[Path]:
    """Draw a page of samples of each data set of a config.

    Args:
        config: An mmengine config.
        splits: Which, for example ``('train', 'val')``.
        folder: Where the pages go, for example ``train.png``.

    Yields:
        The files.
    """
    scope = config.get('default_scope') or 'mmengine'
    with DefaultScope.overwrite_default_scope(scope):
        seen = {}
        for part in parts_of(config, unlike(config, splits), {}):
            if part.dataset is None or not part.items:
                continue
            number = seen[part.split] = seen.get(part.split, 0) + 1
            name = part.split + (f'-{number}' if number > 1 else '')
            path = Path(folder, f'{name}.png')
            path.parent.mkdir(parents=True, exist_ok=True)
            save_figure(_page(part), path)
            yield path


def _page(part: Part) -> Figure:
    """Samples spread evenly, with a key of the classes."""
    chosen = np.linspace(
        0, len(part.items) - 1, min(_SHOWN, len(part.items))
    ).astype(int)
    rows = -(-len(chosen) // _COLUMNS)
    figure = Figure((4 * _COLUMNS, 3.6 * rows + 1), layout='constrained')
    figure.suptitle(f'{part.split}: {part.report.title}', fontsize=9)
    clouds = not part.items[0].get('img_path')
    axes = figure.subplots(
        rows,
        _COLUMNS,
        squeeze=False,
        subplot_kw=dict(projection='3d') if clouds else {},
    ).ravel()
    loader = None if clouds else Loader(part, None, ())
    for axis in axes:
        axis.set_axis_off()
    shown: set[int] = set()
    for axis, index in zip(axes, chosen, strict=False):
        if clouds:
            _draw_cloud(axis, part, int(index))
        else:
            shown |= _draw_image(axis, part, part.items[index], loader)
    _key(figure, part, shown)
    return figure


def _entitle(axis, text: str, size: int) -> None:
    """Write a title; Matplotlib takes no name that is not UTF-8."""
    text = text.encode(errors='backslashreplace').decode()
    axis.set_title(text, fontsize=size)


def _draw_image(axis, part: Part, item: Mapping, loader: Loader) -> set[int]:
    """Draw an image with what is annotated; return the labels shown."""
    try:
        data = loader.load(item)
    # The check reports what is wrong with it; here it is not drawn.
    except Exception as error:
        _entitle(axis, f'{Path(item["img_path"]).name}\n{error}', 6)
        return set()
    image = np.asarray(data['img'])
    picture = image[..., :3][..., ::-1] if image.ndim == 3 else image
    if picture.ndim == 3 and picture.shape[2] < 3:
        picture = picture[..., 0]
    if picture.dtype != np.uint8:
        picture = picture / max(float(picture.max()), 1)
    axis.imshow(picture, cmap='gray' if picture.ndim == 2 else None)
    title, shown = Path(item['img_path']).name, set()
    names = part.names or ()
    palette = distinct_colours(max(len(names), 1)) / 255
    if data.get('gt_seg_map') is not None:
        shown = _draw_map(axis, data['gt_seg_map'], palette)
    for one in item.get('instances') or ():
        label = one['bbox_label']
        shown.add(label)
        _draw_object(axis, one, palette[label % len(palette)])
        if label < len(names):
            axis.annotate(
                names[label],
                one['bbox'][:2],
                fontsize=6,
                color='white',
                bbox=dict(color=palette[label], pad=0.5, alpha=0.7),
            )
    label = item.get('gt_label')
    if label is not None:
        labels = np.atleast_1d(label).tolist()
        found = [names[k] if k < len(names) else str(k) for k in labels]
        title = f'{", ".join(found)}\n{title}'
    _entitle(axis, title, 7)
    return shown


def _draw_map(axis, labels: np.ndarray, palette: np.ndarray) -> set[int]:
    """Lay a class map over the image; pixels without a class stay clear."""
    cover = np.zeros((*labels.shape, 4))
    known = labels < len(palette)
    cover[known, :3] = palette[labels[known]]
    cover[known, 3] = _OVERLAY
    axis.imshow(cover, interpolation='nearest')
    return set(np.unique(labels[known]).tolist())


def _draw_object(axis, one: Mapping, colour: np.ndarray) -> None:
    """Draw a box, and polygons where there are."""
    x1, y1, x2, y2 = one['bbox']
    style = '--' if one.get('ignore_flag') else '-'
    axis.plot(
        [x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], style, color=colour, lw=1.2
    )
    mask = one.get('mask')
    for ring in mask if isinstance(mask, list) else ():
        if isinstance(ring, list) and len(ring) >= 6:
            axis.fill(ring[::2], ring[1::2], color=colour, alpha=_OVERLAY)


def _draw_cloud(axis, part: Part, index: int) -> None:
    data = part.dataset[index]
    points = np.asarray(data['points'])[:2048]
    axis.scatter(*points[:, [0, 2, 1]].T, s=1, c=points[:, 1], cmap='viridis')
    axis.set_aspect('equal')
    names, label = part.names or (), data.get('gt_label')
    if label is not None:
        _entitle(axis, names[label] if names else str(label), 7)


def _key(figure: Figure, part: Part, shown: set[int]) -> None:
    """Name the colours of the classes that are shown."""
    names = part.names or ()
    labels = [k for k in sorted(shown) if k < len(names)][:_NAMED]
    if not labels:
        return
    from matplotlib.patches import Patch

    palette = distinct_colours(len(names)) / 255
    figure.legend(
        handles=[Patch(color=palette[k], label=names[k]) for k in labels],
        loc='outside lower center',
        ncols=10,
        fontsize=7,
    )
