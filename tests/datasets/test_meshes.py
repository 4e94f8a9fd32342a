import struct

import numpy as np
import pytest

from mmmap.datasets.meshes import read_mesh, sample_surface
from mmmap.datasets.point_files import PointFileError, read_cloud
from mmmap.datasets.points import PointFolder

CORNERS = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0], [9, 9, 9.5]])
TRIANGLES = [[0, 1, 2], [0, 2, 3]]
HEADER = """ply
format {order} 1.0
comment made for a test
element camera 1
property float focus
property list uchar int pixels
element vertex 5
property uchar red
property {real} x
property {real} y
property {real} z
element face 1
property list uchar int vertex_indices
property float weight
end_header
"""
ORDERS = {
    'ascii': '',
    'binary_little_endian': '<',
    'binary_big_endian': '>',
}


def ply(path, order='ascii', real='float', faces=(0, 1, 2, 3)):
    """A square, cut by the reader, and a point of its own."""
    head = HEADER.format(order=order, real=real).encode()
    if order == 'ascii':
        rows = ['0.5 3 7 8 9', *(f'7 {x} {y} {z}' for x, y, z in CORNERS)]
        rows.append(f'{len(faces)} {" ".join(map(str, faces))} 0.25')
        body = '\n'.join(rows).encode()
    else:
        sign, kind = ORDERS[order], 'f' if real == 'float' else 'd'
        body = struct.pack(f'{sign}fB3i', 0.5, 3, 7, 8, 9)
        for corner in CORNERS:
            body += struct.pack(f'{sign}B3{kind}', 7, *corner)
        body += struct.pack(f'{sign}B{len(faces)}if', len(faces), *faces, 0.25)
    path.write_bytes(head + body)
    return path


@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize('real', ['float', 'double'])
def test_ply(tmp_path, order, real):
    mesh = read_mesh(ply(tmp_path / 'a.ply', order, real))
    assert np.array_equal(mesh.vertices[:, :3], CORNERS)
    assert (mesh.vertices[:, 3] == 7).all()
    assert mesh.faces.tolist() == TRIANGLES


OFF = """{head}
{counts}
# the corners
{corners}
4 0 1 2 3 255 0 0
"""


@pytest.mark.parametrize(
    ('head', 'counts', 'more'),
    [
        ('OFF', '5 1 0', ''),
        ('OFF5 1 0', '', ''),  # as ModelNet has it
        ('OFF 5 1 0', '', ''),
        ('COFF', '5 1 0', ' 255 0 0 255'),
        ('NOFF # with normals', '5 1 0', ' 0 0 1'),
    ],
)
def test_off(tmp_path, head, counts, more):
    rows = '\n'.join(f'{x} {y} {z}{more}' for x, y, z in CORNERS)
    path = tmp_path / 'a.off'
    path.write_text(OFF.format(head=head, counts=counts, corners=rows))
    mesh = read_mesh(path)
    assert np.array_equal(mesh.vertices, CORNERS)
    assert mesh.faces.tolist() == TRIANGLES


def test_points_of_the_surface_are_even_and_the_same(tmp_path):
    path = ply(tmp_path / 'a.ply')
    points = read_cloud(path, surface=4000)
    assert points.shape == (4000, 3)
    assert points.dtype == np.float32
    assert np.array_equal(points, read_cloud(path, surface=4000))
    # A rectangle of 2 x 1 at z = 0, nothing of the fifth corner.
    assert (points[:, 2] == 0).all()
    assert points.min() >= 0
    cells, _, _ = np.histogram2d(
        points[:, 0], points[:, 1], [4, 2], [[0, 2], [0, 1]]
    )
    assert cells.sum() == 4000
    assert abs(cells - 500).max() < 5 * 500**0.5
    assert np.array_equal(read_cloud(path), CORNERS.astype(np.float32))


def test_a_mesh_without_area(tmp_path):
    path = ply(tmp_path / 'a.ply', faces=(0, 1, 1))
    with pytest.raises(PointFileError, match='a.ply: its 1 faces have no ar'):
        read_cloud(path, surface=10)
    mesh = read_mesh(ply(path, faces=(0, 1)))
    with pytest.raises(ValueError, match='its 0 faces'):
        sample_surface(mesh, 10, np.random.default_rng(0))


def test_a_folder_of_meshes_and_clouds(tmp_path):
    for name in ('a', 'b'):
        (tmp_path / name).mkdir()
    ply(tmp_path / 'a' / '0.PLY', 'binary_little_endian')
    (tmp_path / 'b' / '0.off').write_text('OFF\n1 0 0\n1 2 3\n')
    np.save(tmp_path / 'b' / '1.npy', CORNERS)
    dataset = PointFolder(data_root=str(tmp_path))
    assert [len(item['points']) for item in dataset] == [5, 1, 5]
    assert [item['gt_label'] for item in dataset] == [0, 1, 1]
    (tmp_path / 'b' / '0.off').unlink()
    drawn = PointFolder(data_root=str(tmp_path), surface=20)
    assert [len(item['points']) for item in drawn] == [20, 5]
    with pytest.raises(ValueError, match='surface must be at least 1, got 0'):
        PointFolder(data_root=str(tmp_path), surface=0)


def cut(content):
    return content[:-6]


@pytest.mark.parametrize(
    ('suffix', 'change', 'message'),
    [
        ('ply', cut, 'is shorter than its header'),
        ('ply', lambda c: c[3:], 'does not begin with the header'),
        ('ply', lambda c: c[:60], 'does not begin with the header'),
        ('ply', lambda c: c.replace(b'binary_little', b'text'), 'a line of'),
        ('ply', lambda c: c.replace(b' z\n', b' w\n'), 'must have x, y, z'),
        ('ply', lambda c: c.replace(b'vertex 5', b'corner 5'), 'no element v'),
        ('ply', lambda c: c.replace(b'float z', b'text z'), 'a line of'),
        ('ply', lambda c: c.replace(b'vertex 5', b'vertex -5'), 'a line of'),
        ('off', lambda c: b'PLY', 'does not begin with OFF'),
        ('off', lambda c: b'', 'does not begin with OFF'),
        ('off', lambda c: b'OFF', 'has no numbers of vertices'),
        ('off', lambda c: b'OFF\n2 1 0\n1 2 3', '1 lines for 2 vertices'),
        (
            'off',
            lambda c: b'OFF\n1 0 0\n1 2',
            'a vertex is 1 2, must',
        ),
        ('off', lambda c: b'OFF\n1 0 0\n1 2 x', 'x'),
        ('off', lambda c: b'OFF\n1 0 0\n1 2 nan', 'NaN, infinite'),
        ('off', lambda c: b'OFF\n0 0 0', r'\(1, 0, 3\)'),
        ('off', lambda c: b'OFF\n1 1 0\n1 2 3\n3 0 1 0', 'corners 0 to 1'),
        (
            'off',
            lambda c: b'OFF\n1 1 0\n1 2 3\n3 0 0',
            '3 0 0, too few',
        ),
        ('off', lambda c: b'OFF\n-1 0 0\n1 2 3', '-1 vertices, 0 faces'),
        (
            'ply',
            lambda c: c.replace(b'list uchar', b'list char').replace(
                b'\x04\x00\x00\x00\x00\x01', b'\xff\x00\x00\x00\x00\x01'
            ),
            'list vertex_indices has the length -1',
        ),
    ],
)
def test_wrong_files_are_named(tmp_path, suffix, change, message):
    path = ply(tmp_path / 'whole.ply', 'binary_little_endian')
    wrong = tmp_path / f'wrong.{suffix}'
    wrong.write_bytes(change(path.read_bytes()))
    with pytest.raises(PointFileError, match=message) as error:
        read_cloud(wrong)
    assert f'wrong.{suffix}' in str(error.value)
