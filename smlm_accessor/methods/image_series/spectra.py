"""Transforms of the images of a series of chunks: what can be summed over parts of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.images.grid import PixelGrid
from smlm_accessor.kernels.images.images import Spectrum, count, transform

#: Bytes of transforms that are kept; if they are more, each is computed when it is needed.
MAX_BYTES = 2**28


class ImageTiles(NamedTuple):
    """Number of each localization's tile, from 0 to ``n - 1``; one tile has no size."""

    number: IntArray
    n: int
    size: float | None

    @classmethod
    def of_width(cls, positions: FloatArray, size: float) -> ImageTiles:
        """Cut the field into square tiles; each that holds localizations is one."""
        # Off the corner by an uncommon part: rounded coordinates would sit on edges of tiles.
        lower = by_column.lowest(positions[:, :2]) - 0.381966 * size
        column, row = np.floor((positions[:, :2] - lower) / size).astype(np.int64).T
        used, number = np.unique(column * (row.max() + 1) + row, return_inverse=True)
        return cls(number, len(used), size)


@dataclass(frozen=True)
class SpectrumOfRows:
    """Gives the transform of the image, or stack of images if there are tiles, of some rows."""

    positions: FloatArray
    grid: PixelGrid
    tiles: ImageTiles | None = None

    @property
    def n_tiles(self) -> int:
        """Images of a stack."""
        return 1 if self.tiles is None else self.tiles.n

    def __call__(self, rows: slice) -> Spectrum:
        """Return the transform, see `transform`."""
        index = None if self.tiles is None else self.tiles.number[rows]
        image = count(self.positions[rows], self.grid, tiles=index, n_tiles=self.n_tiles)
        return transform(image, self.grid)


def summarize(
    image: SpectrumOfRows,
    bounds: IntArray,
    *,
    threads: int | None = None,
    progress: bool = False,
) -> Sequence[Spectrum]:
    """Return the transform of each chunk's image, or stack of images.

    They add: the transforms of parts of a chunk sum to that of the chunk. ``bounds`` are those of
    the rows of the chunks.
    """

    def one(chunk: int) -> Spectrum:
        return image(slice(int(bounds[chunk]), int(bounds[chunk + 1])))

    k, modes = len(bounds) - 1, image.grid.modes
    if k * image.n_tiles * 8 * (2 * modes[0] + 1) * (modes[1] + 1) > MAX_BYTES:
        return _OnDemand(one, k)
    return map_threads(one, range(k), threads=threads, progress=progress, description="images")


@dataclass(frozen=True)
class _OnDemand(Sequence[Spectrum]):
    """Transforms that are computed whenever they are asked for."""

    function: Callable[[int], Spectrum]
    n: int

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Any:
        return self.function(index)


def sample_chunks(bounds: IntArray, counts: IntArray) -> list[slice]:
    """Rows of up to three chunks of common size, some way apart, the middle one first."""
    large = np.flatnonzero(counts >= 0.5 * np.median(counts[counts > 0]))
    chosen = dict.fromkeys(int(large[int(part * (len(large) - 1))]) for part in (0.5, 0.2, 0.8))
    return [slice(int(bounds[i]), int(bounds[i + 1])) for i in chosen]
