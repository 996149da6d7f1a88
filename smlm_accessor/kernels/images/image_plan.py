"""Images of more localizations than a method gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import IntArray

if TYPE_CHECKING:
    from smlm_accessor.kernels.images.grid import PixelGrid


@dataclass(frozen=True)
class ImagePlan:
    """The images that a method wants of all rows.

    Parameters
    ----------
    grid : PixelGrid
    chosen : object
        What the method chose besides; for itself.
    """

    grid: PixelGrid
    chosen: Any


@dataclass(frozen=True)
class CountedImages:
    """Images of all localizations of chunks, of which a method gets some.

    Parameters
    ----------
    plan : ImagePlan
    images : ndarray of float32, shape (n_chunks, *plan.grid.bins)
        Localizations per pixel.
    counts : ndarray, shape (n_chunks,)
        Localizations of each chunk.
    """

    plan: ImagePlan
    images: npt.NDArray[np.float32]
    counts: IntArray
