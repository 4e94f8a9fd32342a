"""Outlines of objects."""

import cv2
import numpy as np


def polygons_of(mask: np.ndarray) -> list[list[float]]:
    """The outlines of a mask (H, W), each as x, y, x, y, ... in pixels."""
    outlines, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    return [
        outline.ravel().astype(float).tolist()
        for outline in outlines
        if len(outline) > 2
    ]


def largest(polygons: list[list[float]]) -> list[float] | None:
    """The outline that encloses most pixels, or None."""
    areas = [
        cv2.contourArea(np.asarray(p, np.float32).reshape(-1, 2))
        for p in polygons
    ]
    return polygons[int(np.argmax(areas))] if areas else None
