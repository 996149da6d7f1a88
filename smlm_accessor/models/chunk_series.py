"""What models are fitted to: the valid chunks, one series for each component, with weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import center_of, components_of, offset_about, poses
from smlm_accessor.drift.local import is_local
from smlm_accessor.drift.times import clock_of
from smlm_accessor.errors import OptionError
from smlm_accessor.table import attributes
from smlm_accessor.table.clock import Clock


class ChunkSeries(NamedTuple):
    """One component of the chunks."""

    name: str  # "offset x"
    frames: FloatArray  # (n,) mean frames, or times in seconds
    values: FloatArray  # (n,)
    weights: FloatArray | None  # (n,) one over the standard deviation, up to a factor
    noise: float = 0.0  # known variance of the values times weights; 0 if unknown
    together: float = 1.0  # chunks in a row whose errors are one and the same

    def widened(self, n_free: float) -> float:
        """Return by how much the band of a curve grows, since errors of neighbours are alike.

        A curve with so many degrees of freedom averages over some chunks; of these, only some are
        independent.
        """
        averaged = max(len(self.frames) / max(n_free, 1e-9), 1.0)
        return float(np.sqrt(averaged * self.together / (averaged + self.together - 1)))


class AllSeries(NamedTuple):
    """All components of the chunks."""

    frames: FloatArray
    offset: list[ChunkSeries]  # at the centre
    matrix: list[ChunkSeries]  # row after row
    rotation: list[ChunkSeries]  # of the sample, about each axis; none if a matrix is no rotation
    log_scale: ChunkSeries | None  # of the sample
    clock: Clock
    local: list[ChunkSeries]  # coefficients of a field, term after term


def make_series(
    dataset: xr.Dataset, used: IntArray, weights: str | npt.ArrayLike | None
) -> AllSeries:
    """Return the series of some chunks.

    Offsets are taken at the centre: about a far origin, the noise of the matrix entries would be
    multiplied by the distance.
    """
    components = components_of(dataset)
    clock = clock_of(dataset)
    frames = clock.values(dataset["frame"].values[used].astype(np.float64))
    matrix = dataset["matrix"].values[used].astype(np.float64)
    about = offset_about(matrix, dataset["offset"].values[used], center_of(dataset))
    columns, common = _weights(weights, dataset, used)
    std, together = dataset["offset_std"].values[used], chunks_with_one_error(dataset, "smoothing")
    noise = [_noise(weight, one) for weight, one in zip(columns, std.T, strict=True)]
    offset = [
        ChunkSeries(f"offset {name}", frames, about[:, i], columns[i], noise[i], together)
        for i, name in enumerate(components)
    ]
    entries = [
        ChunkSeries(f"matrix {row}{column}", frames, matrix[:, i, j], common)
        for i, row in enumerate(components)
        for j, column in enumerate(components)
    ]
    rotation, log_scale = poses.of_matrices(matrix)
    if np.isnan(log_scale).any():
        return AllSeries(frames, offset, entries, [], None, clock, [])

    turned_together = chunks_with_one_error(dataset, "pose_smoothing")

    def posed(name: str, values: FloatArray, std: FloatArray) -> ChunkSeries:
        known = isinstance(weights, str) and np.isfinite(std).all() and (std > 0).all()
        weight = 1 / std if known else common
        return ChunkSeries(name, frames, values, weight, _noise(weight, std), turned_together)

    axes = rotation_axes(components)
    turns = poses.std_of(dataset, "rotation_std")[used].reshape(len(used), -1)
    turned = [
        posed(f"rotation {axis}" if len(axes) > 1 else "rotation", rotation[:, i], turns[:, i])
        for i, axis in enumerate(axes)
    ]
    scale = posed("log-scale", log_scale, poses.std_of(dataset, "log_scale_std")[used])
    local = []
    if is_local(dataset):
        values, stds = (dataset[name].values[used] for name in ("local", "local_std"))
        local = [
            posed(f"local {term} {axis}", values[:, i, j], stds[:, i, j])
            for i, term in enumerate(dataset["term"].values)
            for j, axis in enumerate(components)
        ]
    return AllSeries(frames, offset, entries, turned, scale, clock, local)


def rotation_axes(components: Sequence[str]) -> tuple[str, ...]:
    """Return the axes about which a sample may turn: in the plane that of z only."""
    return ("z",) if len(components) == 2 else tuple(components)


def picked(chosen: slice | npt.ArrayLike | None, dataset: xr.Dataset) -> IntArray:
    """Return the indices of the chosen chunks."""
    n = dataset.sizes["chunk"]
    if chosen is None:
        return np.arange(n)
    if isinstance(chosen, slice):
        return np.arange(n)[chosen]
    index = np.atleast_1d(np.asarray(chosen))
    if index.dtype == bool and index.shape == (n,):
        return np.flatnonzero(index)
    if index.dtype.kind in "iu" and index.ndim == 1 and ((index >= -n) & (index < n)).all():
        return np.asarray(np.arange(n)[index])
    raise OptionError(
        f"chunks={chosen!r} does not choose among the {n} chunks; use slice(1, -1), {n} booleans, "
        f"or numbers of chunks from 0 to {n - 1}"
    )


def _weights(
    weights: str | npt.ArrayLike | None, dataset: xr.Dataset, used: IntArray
) -> tuple[list[FloatArray | None], FloatArray | None]:
    """Return the weights of each component's offset, and those of all matrix entries."""
    d = dataset.sizes["component"]
    if weights is None:
        return [None] * d, None
    if isinstance(weights, str):
        if weights != "auto":
            raise OptionError(
                f"weights={weights!r} is not known; use 'auto', None, or one number per chunk"
            )
        counted = _by_count(dataset["n_localizations"].values[used])
        std = dataset["offset_std"].values[used]
        known = (np.isfinite(std) & (std > 0)).all(axis=0)
        return [1 / std[:, i] if known[i] else counted for i in range(d)], counted
    n = dataset.sizes["chunk"]
    given = np.asarray(weights, dtype=np.float64)
    if given.shape not in ((n,), (n, d)):
        raise OptionError(
            f"weights has shape {given.shape}; give one number for each of the {n} chunks, or one "
            f"for each chunk and component, shape {(n, d)}"
        )
    given = np.broadcast_to(given.reshape(n, -1), (n, d))[used]
    if not (np.isfinite(given) & (given > 0)).all():
        raise OptionError(
            "weights must be positive and finite for all valid chunks; leave chunks out by chunks="
        )
    return [given[:, i] for i in range(d)], np.sqrt(np.mean(given**2, axis=1))


def _noise(weights: FloatArray | None, std: FloatArray) -> float:
    """Return the variance that weighted values have by their standard deviations, in the mean."""
    if not (np.isfinite(std) & (std > 0)).all():
        return 0.0
    if weights is None:
        return float(np.mean(std**2))
    # Exactly 1, if these are the weights.
    return float(np.mean(np.round((weights * std) ** 2, 12)))


def _by_count(n_localizations: IntArray) -> FloatArray | None:
    """Return weights by the number of localizations, of quadratic mean 1; None if unknown."""
    if (n_localizations <= 0).any():
        return None
    return np.asarray(np.sqrt(n_localizations / n_localizations.mean()))


def chunks_with_one_error(dataset: xr.Dataset, name: str) -> float:
    """Return how many chunks in a row have the same error: what a method smoothed over."""
    clock = clock_of(dataset)
    smoothing = attributes.parameters(dataset).get(f"{name}_{clock.plural}")
    if not isinstance(smoothing, int | float):
        return 1.0
    length = float(np.median(dataset["frame_stop"].values - dataset["frame_start"].values))
    return max(float(smoothing) * clock.per_unit / length, 1.0)
