"""Drawing reconstructed clouds."""

import numpy as np
from torch import nn

from ..models.selfsup.point_map import PointReconstruction
from .cloud_figure import cloud_figure
from .cloud_page import cloud_page
from .clouds import reconstruction_rows
from .images import figure_pixels
from .reconstruction import reconstruction_grid, reconstruction_page


@reconstruction_grid.register
def _grid(shown: PointReconstruction, preprocessor: nn.Module) -> np.ndarray:
    return figure_pixels(cloud_figure(reconstruction_rows(shown)))


@reconstruction_page.register
def _page(shown: PointReconstruction, title: str) -> str:
    return cloud_page(reconstruction_rows(shown), title)
