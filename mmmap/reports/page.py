"""A work_dir as one page of HTML that needs no other file.

Everything in a work_dir is shown as text: it is escaped, and the page forbids
scripts and external content.
"""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ..visualization.curves import Series, curve_figure
from .logs import Curve, Log
from .settings import Change
from .work_dir import WorkDir, metrics_of

_EDGE = 640  # pixels of a picture
_LONGEST = 300  # characters of a setting
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# Configs of runs of the `mmmap` command: the folder has the name of the run.
_GENERIC = ('config.py', 'config_whole.py')
# Of little interest as curves.
_UNDRAWN = ('base_lr', 'data_time', 'memory', 'time')
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px;
  margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
h1 { font-size: 1.5em; overflow-wrap: anywhere }
h2 { font-size: 1.15em; margin-top: 2em; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border-bottom: 1px solid #ddd; padding: .2em .8em .2em 0;
  text-align: left; vertical-align: top; overflow-wrap: anywhere;
  min-width: 5em }
td.number { text-align: right; font-variant-numeric: tabular-nums }
pre { background: #f5f5f5; padding: 1em; overflow-x: auto; font-size: 12px }
img { max-width: 100% }
figure { display: inline-block; margin: 0 1em 1em 0; max-width: 320px;
  vertical-align: top }
figcaption { font-size: 12px; color: #555; overflow-wrap: anywhere }
ul.missing { background: #fff5e0; padding: .8em 2em; margin: 1em 0 }
"""


def page_of(found: WorkDir) -> str:
    """The page of a work_dir."""
    name = found.config_name
    if not name or name in _GENERIC:
        name = found.path.resolve().name
    title = f'{name}: {found.model or "run"}'
    sections = [
        ('', _summary(found)),
        ('Curves', _curves(found.log)),
        ('Metrics', _metrics(found.log)),
        ('Pictures', _pictures(found)),
        ('Checkpoints', _checkpoints(found)),
        ('Settings', _settings(found)),
        ('Environment', html_table(('', ''), found.environment)),
        ('End of the log', _text(found.log_end)),
    ]
    return document(title, sections)


def document(title: str, sections: Iterable[tuple[str, str]]) -> str:
    """A page of HTML that loads nothing.

    Args:
        title: Of the page, as text.
        sections: Headlines, as text, and contents, as HTML; sections
            without content are not shown.
    """
    body = ''.join(
        f'<h2>{escape(name)}</h2>\n{content}\n' if name else content
        for name, content in sections
        if content
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f'<title>{escape(title)}</title><style>{_STYLE}</style></head>\n'
        f'<body><h1>{escape(title)}</h1>\n{body}</body></html>\n'
    )


def panels_of(log: Log) -> dict[str, dict[str, Series]]:
    """What is drawn together: losses, each metric, the rest of training."""
    losses = {n: series(c) for n, c in log.train.items() if 'loss' in n}
    panels = {'losses in training': losses} if losses else {}
    for curves, where in ((log.val, 'validation'), (log.train, 'training')):
        panels |= {
            f'{name}, {where}': {name: series(curve)}
            for name, curve in curves.items()
            if name not in (*losses, *_UNDRAWN) and curve.steps
        }
    return panels


def series(curve: Curve) -> Series:
    """What is drawn of a curve."""
    return curve.steps, curve.values


def _summary(found: WorkDir) -> str:
    done, goal, unit = found.progress
    starts = ', '.join(f'{n} ({step})' for n, step in found.log.starts)
    rows = [
        ('work_dir', found.path),
        ('model', found.model or 'not known'),
        ('last logged', f'{unit} {done} of {goal or "?"}'),
        ('finished', 'yes' if found.finished else 'no'),
        ('iterations', found.log.step),
        ('starts (first logged iteration)', starts or 'none'),
    ]
    notes = ''.join(f'<li>{escape(m)}</li>' for m in found.missing)
    listed = f'<ul class="missing">{notes}</ul>' if notes else ''
    return html_table(('', ''), rows) + listed


def _curves(log: Log) -> str:
    panels = panels_of(log)
    if not panels:
        return '<p>Nothing was logged.</p>'
    resumed = [step for _, step in log.starts[1:] if step > 1]
    return html_curves(panels, resumed)


def _metrics(log: Log) -> str:
    rows = [
        (m.name, f'{m.best:.6g}', m.best_step, f'{m.last:.6g}', m.last_step)
        for m in metrics_of(log.val)
    ]
    header = ('validation', 'best', 'at iteration', 'last', 'at iteration')
    tested = [(name, f'{value:.6g}') for name, value in log.test.items()]
    return (
        html_table(header, rows) + html_table(('last test', ''), tested)
        or '<p>None was logged.</p>'
    )


def _pictures(found: WorkDir) -> str:
    shown = []
    for path in found.pictures:
        name = str(path.relative_to(found.path))
        data = _thumbnail(path)
        content = (
            html_image(data, 'jpeg', name)
            if data
            else '<p>cannot be read as an image</p>'
        )
        caption = f'<figcaption>{escape(name)}</figcaption>'
        shown.append(f'<figure>{content}{caption}</figure>')
    return ''.join(shown)


def _checkpoints(found: WorkDir) -> str:
    rows = [
        (c.name, f'{c.size / 2**20:.1f} MiB', c.written, c.problem)
        for c in found.checkpoints
    ]
    return html_table(('file', 'size', 'written (UTC)', ''), rows)


def _settings(found: WorkDir) -> str:
    parts = [
        f'<h3>{escape(title)}</h3>' + (_changes(rows) or '<p>Nothing.</p>')
        for title, rows in found.comparisons.items()
    ]
    if found.config_text:
        whole = _text(found.config_text)
        parts.append(f'<details><summary>All</summary>{whole}</details>')
    return ''.join(parts)


def _changes(rows: Sequence[Change]) -> str:
    short = [[_shortened(cell) for cell in row] for row in rows]
    return html_table(('setting', 'before', 'after'), short)


def _shortened(text: str) -> str:
    rest = len(text) - _LONGEST
    return text if rest <= 0 else f'{text[:_LONGEST]}... ({rest:,} more)'


def html_table(header: Sequence[str], rows: Iterable[Sequence]) -> str:
    """A table; '' without rows."""
    lines = [''.join(map(_cell, row)) for row in rows]
    if not lines:
        return ''
    top = ''.join(f'<th>{escape(name)}</th>' for name in header)
    lines = [top, *lines] if any(header) else lines
    return f'<table>{"".join(f"<tr>{line}</tr>" for line in lines)}</table>'


def _cell(value: object) -> str:
    kind = ' class="number"' if isinstance(value, int | float) else ''
    return f'<td{kind}>{escape(str(value))}</td>'


def _text(text: str) -> str:
    return f'<pre>{escape(text)}</pre>' if text else ''


def html_image(data: bytes, kind: str, name: str) -> str:
    """An image embedded in the page, ``'png'`` or ``'jpeg'``."""
    source = f'data:image/{kind};base64,{base64.b64encode(data).decode()}'
    return f'<img alt="{escape(name)}" src="{source}">'


def html_curves(
    panels: Mapping[str, Mapping[str, Series]], resumed: Sequence[int] = ()
) -> str:
    """What :func:`curve_figure` draws, as an image in the page."""
    figure = curve_figure(panels, resumed)
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=110)
    return html_image(buffer.getvalue(), 'png', 'curves')


def _thumbnail(path: Path) -> bytes | None:
    """A picture as a small JPEG; None if it cannot be read."""
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except (OSError, cv2.error):  # of more pixels than it takes
        image = None
    if image is None:
        return None
    scale = min(_EDGE / max(image.shape[:2]), 1)
    size = [max(round(edge * scale), 1) for edge in image.shape[1::-1]]
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode('.jpg', image)[1].tobytes()
