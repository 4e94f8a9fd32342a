"""Reading vertices and faces from PLY and OFF files.

Standard library and NumPy only. Letters: V vertices, F triangles.

Source: Turk's PLY (Stanford, 1994) and Geomview's OFF.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

SUFFIXES = ('.ply', '.off')
_KINDS = {
    **dict.fromkeys(('char', 'int8'), 'i1'),
    **dict.fromkeys(('uchar', 'uint8'), 'u1'),
    **dict.fromkeys(('short', 'int16'), 'i2'),
    **dict.fromkeys(('ushort', 'uint16'), 'u2'),
    **dict.fromkeys(('int', 'int32'), 'i4'),
    **dict.fromkeys(('uint', 'uint32'), 'u4'),
    **dict.fromkeys(('float', 'float32'), 'f4'),
    **dict.fromkeys(('double', 'float64'), 'f8'),
}
_FORMATS = {'ascii': '', 'binary_little_endian': '<', 'binary_big_endian': '>'}
_AXES = ('x', 'y', 'z')
_FACES = ('vertex_indices', 'vertex_index')


class Mesh(NamedTuple):
    """The content of a file.

    Args:
        vertices: (V, 3 or more), coordinates first, then other properties.
        faces: Indices of three vertices each, (F, 3); polygons are cut into
            triangles around their first corner.
    """

    vertices: np.ndarray
    faces: np.ndarray


def read_mesh(path: str | Path) -> Mesh:
    """Read a PLY file (text, or binary of either byte order) or an OFF file.

    Raises:
        ValueError: It has another format, or is truncated.
        OSError: It cannot be opened.
    """
    path = Path(path)
    if path.suffix.lower() == '.ply':
        return _read_ply(path.read_bytes())
    return _read_off(path.read_text())


def sample_surface(
    mesh: Mesh, number: int, rng: np.random.Generator
) -> np.ndarray:
    """Sample points evenly from the faces, (number, 3).

    Raises:
        ValueError: There are no faces, or none with an area.
    """
    a, b, c = (mesh.vertices[mesh.faces[:, i], :3] for i in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    if not (areas.sum() > 0 and np.isfinite(areas.sum())):
        raise ValueError(
            f'its {len(areas)} faces have no area to draw points from; leave '
            'surface out to use its vertices'
        )
    chosen = rng.choice(len(areas), number, p=areas / areas.sum())
    u, v = rng.random((2, number, 1))
    beyond = u + v > 1  # in the other half of the parallelogram
    u, v = np.where(beyond, 1 - u, u), np.where(beyond, 1 - v, v)
    a, b, c = a[chosen], b[chosen], c[chosen]
    return a + u * (b - a) + v * (c - a)


class _Element(NamedTuple):
    name: str
    count: int
    # Name and type of each property; of a list, types of its length and items.
    properties: list[tuple[str, ...]]


def _read_ply(content: bytes) -> Mesh:
    head, mark, body = content.partition(b'end_header')
    lines = head.decode('ascii', 'replace').split('\n')
    if lines[0].strip() != 'ply' or not mark:
        raise ValueError('it does not begin with the header of a PLY')
    body = body.partition(b'\n')[2]
    order, elements = _parse_header(lines[1:])
    values = _Values(body, order)
    vertices, faces = None, np.zeros((0, 3), int)
    for element in elements:
        if element.name == 'vertex':
            vertices = _vertices(element, values)
        elif element.name == 'face':
            faces = _faces(element, values)
        else:
            for _ in _rows(element, values):
                pass
    if vertices is None:
        raise ValueError('the PLY has no element vertex')
    return Mesh(vertices, _checked(faces, len(vertices)))


def _parse_header(lines: list[str]) -> tuple[str, list[_Element]]:
    """The byte order ('' for text), and what follows."""
    order, elements = None, []
    for line in lines:
        match line.split():
            case ['format', kind, _] if kind in _FORMATS:
                order = _FORMATS[kind]
            case ['element', name, count] if count.isdigit():
                elements.append(_Element(name, int(count), []))
            case ['property', 'list', length, kind, name] if (
                elements and {length, kind} <= _KINDS.keys()
            ):
                types = _KINDS[length], _KINDS[kind]
                elements[-1].properties.append((name, *types))
            case ['property', kind, name] if elements and kind in _KINDS:
                elements[-1].properties.append((name, _KINDS[kind]))
            case [] | ['comment' | 'obj_info', *_]:
                pass
            case _:
                raise ValueError(f'a line of its header is {line.strip()!r}')
    if order is None:
        raise ValueError('its header names no format')
    return order, elements


class _Values:
    """The numbers of a PLY's body, read one after another."""

    def __init__(self, body: bytes, order: str) -> None:
        self.order = order
        self.at = 0
        self.body = body if order else np.array(body.split(), float)

    def take(self, kinds: list[str], rows: int = 1) -> np.ndarray:
        """Read rows of values of these types, as fp64."""
        row = np.dtype([(str(i), self.order + k) for i, k in enumerate(kinds)])
        width = row.itemsize if self.order else len(kinds)
        end = self.at + rows * width
        if end > len(self.body):
            raise ValueError('it is shorter than its header says')
        part = self.body[self.at : end]
        self.at = end
        if not self.order:
            return part.reshape(rows, len(kinds))
        table = np.frombuffer(part, row)
        columns = [table[name].astype(float) for name in row.names]
        return np.stack(columns, 1)


def _vertices(element: _Element, values: _Values) -> np.ndarray:
    names = [name for name, *_ in element.properties]
    if any(len(p) > 2 for p in element.properties) or not (
        set(_AXES) <= set(names)
    ):
        raise ValueError(
            f'a vertex has {", ".join(names)}; it must have x, y, z and no '
            'lists'
        )
    kinds = [kind for _, kind in element.properties]
    table = values.take(kinds, element.count)
    others = [name for name in names if name not in _AXES]
    return table[:, [names.index(name) for name in (*_AXES, *others)]]


def _faces(element: _Element, values: _Values) -> np.ndarray:
    polygons = [
        row[name] for row in _rows(element, values) for name in _FACES
        if name in row
    ]  # fmt: skip
    return _triangles(polygons)


def _rows(element: _Element, values: _Values):
    """Each row of an element, as arrays by the names of its properties."""
    for _ in range(element.count):
        row = {}
        for name, *kinds in element.properties:
            length = int(values.take(kinds[:1])[0, 0]) if kinds[1:] else 1
            if length < 0:
                raise ValueError(f'a list {name} has the length {length}')
            row[name] = values.take([kinds[-1]] * length)[0]
        yield row


def _read_off(text: str) -> Mesh:
    lines = [line.partition('#')[0] for line in text.splitlines()]
    words = [line.split() for line in lines if line.strip()]
    # ModelNet has files whose counts follow the keyword without a space.
    first = ' '.join(words[0]) if words else ''
    found = re.match(r'(?:ST)?C?N?OFF(.*)', first)
    if not found:
        raise ValueError('it does not begin with OFF')
    words[0] = found[1].split()
    words = words if words[0] else words[1:]
    if not words or len(words[0]) < 2:
        raise ValueError('its header has no numbers of vertices and faces')
    number, polygons = map(int, words[0][:2])
    if number < 0 or polygons < 0:
        raise ValueError(f'its header has {number} vertices, {polygons} faces')
    if len(words) < 1 + number + polygons:
        raise ValueError(
            f'it has {len(words) - 1} lines for {number} vertices and '
            f'{polygons} faces'
        )
    places = [row[:3] for row in words[1 : 1 + number]]
    short = [row for row in places if len(row) < 3]
    if short:
        raise ValueError(f'a vertex is {" ".join(short[0])}, must be x y z')
    rows = words[1 + number : 1 + number + polygons]
    cut_off = [row for row in rows if len(row) < 1 + int(row[0])]
    if cut_off:
        raise ValueError(f'a face is {" ".join(cut_off[0])}, too few corners')
    faces = _triangles([np.array(r[1 : 1 + int(r[0])], float) for r in rows])
    vertices = np.array(places, float).reshape(number, 3)
    return Mesh(vertices, _checked(faces, number))


def _triangles(polygons: list[np.ndarray]) -> np.ndarray:
    cut = [
        (corners[0], corners[i], corners[i + 1])
        for corners in polygons
        for i in range(1, len(corners) - 1)
    ]
    return np.array(cut, int).reshape(-1, 3)


def _checked(faces: np.ndarray, number: int) -> np.ndarray:
    if faces.size and not 0 <= faces.min() <= faces.max() < number:
        raise ValueError(
            f'a face has corners {faces.min()} to {faces.max()}, the '
            f'vertices are 0 to {number - 1}'
        )
    return faces
