"""Transforms of clouds; each takes and returns an item of a data set.

Letters: N points. Numbers are drawn from NumPy's global random state, as in
mmcv's transforms.
"""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS
from mmpretrain.structures import DataSample

from ...errors import InputError

AXES = {'x': 0, 'y': 1, 'z': 2}
# What belongs to points and is sampled with them.
OF_POINTS = ('points', 'gt_part')


@TRANSFORMS.register_module()
class SamplePoints(BaseTransform):
    """Take some points of a cloud.

    Args:
        num: How many.
        random: Draw them; else take the first ones, which suits clouds in
            farthest-point order.
        repeat: Whether to repeat points of a cloud that has fewer.

    Raises:
        InputError: A cloud has fewer points.
    """

    def __init__(
        self, num: int, random: bool = False, repeat: bool = False
    ) -> None:
        self.num = num
        self.random = random
        self.repeat = repeat

    def transform(self, results: dict) -> dict:
        """Sample points, and their parts."""
        there = len(results['points'])
        if there < self.num and not self.repeat:
            raise InputError(
                f'SamplePoints: {self.num} points are wanted, cloud '
                f'{_name(results)} has {there}'
            )
        order = np.random.permutation(there) if self.random else range(there)
        chosen = np.resize(order, self.num)  # truncates, or repeats
        for key in OF_POINTS:
            if key in results:
                results[key] = results[key][chosen]
        return results


@TRANSFORMS.register_module()
class NormalizePoints(BaseTransform):
    """Centre a cloud and scale it into the unit sphere.

    A cloud of equal points becomes zeros.
    """

    def transform(self, results: dict) -> dict:
        """Normalise."""
        points = results['points']
        points = points - points.mean(0)
        radius = np.linalg.norm(points, axis=1).max()
        results['points'] = points / max(radius, 1e-12)
        return results


@TRANSFORMS.register_module()
class ScaleTranslatePoints(BaseTransform):
    """Scale and move each axis by its own random numbers.

    Source: the augmentation of PointNet++ (Qi et al., arXiv 1706.02413), with
    Point-MAE's ranges.

    Args:
        scale: Smallest and largest factor.
        shift: Largest distance.
    """

    def __init__(
        self,
        scale: tuple[float, float] = (2 / 3, 3 / 2),
        shift: float = 0.2,
    ) -> None:
        self.scale = scale
        self.shift = shift

    def transform(self, results: dict) -> dict:
        """Scale and move."""
        scale = np.random.uniform(*self.scale, 3)
        shift = np.random.uniform(-self.shift, self.shift, 3)
        moved = results['points'] * scale + shift
        results['points'] = moved.astype(np.float32)
        return results


@TRANSFORMS.register_module()
class RotatePoints(BaseTransform):
    """Turn a cloud by a random angle.

    Args:
        axis: ``'x'``, ``'y'`` (up, in most sets) or ``'z'``; ``'any'`` draws
            uniformly from all rotations.

    Raises:
        InputError: Another axis.
    """

    def __init__(self, axis: str = 'y') -> None:
        if axis not in (*AXES, 'any'):
            raise InputError(
                f'axis must be one of {", ".join(AXES)} or any, got {axis!r}'
            )
        self.axis = axis

    def transform(self, results: dict) -> dict:
        """Turn."""
        turned = results['points'] @ self._rotation().T
        results['points'] = turned.astype(np.float32)
        return results

    def _rotation(self) -> np.ndarray:
        if self.axis == 'any':
            # Signs make the decomposition unique, thus the draw uniform.
            q, r = np.linalg.qr(np.random.standard_normal((3, 3)))
            q = q * np.sign(np.diag(r))
            q[:, 0] *= np.linalg.det(q)
            return q
        angle = np.random.uniform(0, 2 * np.pi)
        first, second = (i for i in range(3) if i != AXES[self.axis])
        rotation = np.eye(3)
        rotation[first, first] = rotation[second, second] = np.cos(angle)
        rotation[first, second] = -np.sin(angle)
        rotation[second, first] = np.sin(angle)
        return rotation


@TRANSFORMS.register_module()
class PackPoints(BaseTransform):
    """Make ``inputs``, (N, 3) fp32, and a data sample of an item.

    The sample has ``gt_label`` and ``gt_part`` if the item has them, and
    ``parts`` and ``sample_idx`` in its metainfo.
    """

    def transform(self, results: dict) -> dict:
        """Pack."""
        sample = DataSample()
        if 'gt_label' in results:
            sample.set_gt_label(results['gt_label'])
        if 'gt_part' in results:
            sample.gt_part = torch.as_tensor(results['gt_part']).long()
        known = ('parts', 'sample_idx', 'path')
        sample.set_metainfo({k: results[k] for k in known if k in results})
        points = np.ascontiguousarray(results['points'], np.float32)
        return dict(inputs=torch.from_numpy(points), data_samples=sample)


def _name(results: dict) -> str:
    return f'{results.get("sample_idx", "")} of {results.get("path", "")}'
