"""Clouds side by side, on an HTML page where they can be rotated and zoomed.

The page is one file without external requests. Letters: N points.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .cloud_figure import place_of
from .clouds import Cloud, CloudRow

_TEMPLATE = Path(__file__).with_name('cloud_page.html')
# What int16 has for the radius of a row; points up to four radii away.
UNIT = 8191


def cloud_page(rows: Sequence[CloudRow], title: str) -> str:
    """The text of an HTML page.

    Args:
        rows: See ``cloud_figure``.
        title: Title of the page.
    """
    content = dict(
        title=title,
        unit=UNIT,
        rows=[
            dict(
                name=row.name,
                clouds=[_packed(c, *place_of(row)) for c in row.clouds],
            )
            for row in rows
        ],
    )
    # Names are text, and must not end the script that holds them.
    text = json.dumps(content).replace('<', '\\u003c')
    return _TEMPLATE.read_text().replace('{"rows": []}', text)


def _packed(cloud: Cloud, middle: np.ndarray, radius: float) -> dict:
    places = (cloud.points - middle) / radius * UNIT
    places = np.round(places).clip(-32767, 32767).astype('<i2')
    return dict(
        title=cloud.title,
        places=_base64(places),
        colours=_base64(cloud.colours),
        legend={
            name: '#' + bytes(rgb).hex() for name, rgb in cloud.legend.items()
        },
    )


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values)).decode()
