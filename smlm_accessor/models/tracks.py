"""What models are fitted to: the valid chunks, one track for each component, with weights."""

from __future__ import annotations

import builtins
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor import transformations
from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import OptionError


class Track(NamedTuple):
    """One component of the chunks."""

    name: str  # "offset x"
    frames: FloatArray  # (n,) mean frames
    values: FloatArray  # (n,)
    weights: FloatArray | None  # (n,) one over the standard deviation, up to a factor
    noise: float = 0.0  # known variance of the values times weights; 0 if unknown


class Tracks(NamedTuple):
    """All components of the chunks."""

    frames: FloatArray
    offset: list[Track]  # at the centre
    matrix: list[Track]  # row after row


def make_tracks(dataset: xr.Dataset, used: IntArray, weights: str | npt.ArrayLike | None) -> Tracks:
    """Return the tracks of some chunks.

    Offsets are taken at the centre: about a far origin, the noise of the matrix entries would be
    multiplied by the distance.
    """
    components = transformations.components(dataset)
    frames = dataset["frame"].values[used].astype(np.float64)
    matrix = dataset["matrix"].values[used].astype(np.float64)
    about = transformations.offset_about(
        matrix, dataset["offset"].values[used], transformations.center(dataset)
    )
    columns, common = _weights(weights, dataset, used)
    std = dataset["offset_std"].values[used]
    offset = [
        Track(f"offset {name}", frames, about[:, i], columns[i], _noise(columns[i], std[:, i]))
        for i, name in enumerate(components)
    ]
    entries = [
        Track(f"matrix {row}{column}", frames, matrix[:, i, j], common)
        for i, row in enumerate(components)
        for j, column in enumerate(components)
    ]
    return Tracks(frames, offset, entries)


def picked(chosen: builtins.slice | npt.ArrayLike | None, dataset: xr.Dataset) -> IntArray:
    """Return the indices of the chosen chunks.

    Raises
    ------
    OptionError
        If they are not chunks of this Dataset.
    """
    n = dataset.sizes["chunk"]
    if chosen is None:
        return np.arange(n)
    if isinstance(chosen, builtins.slice):
        return np.arange(n)[chosen]
    index = np.atleast_1d(np.asarray(chosen))
    if index.dtype == bool and index.shape == (n,):
        return np.flatnonzero(index)
    if index.dtype.kind in "iu" and index.ndim == 1 and ((index >= -n) & (index < n)).all():
        return np.asarray(np.arange(n)[index])
    raise OptionError(
        f"slice={chosen!r} does not choose among the {n} chunks; use slice(1, -1), {n} booleans, "
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
            "weights must be positive and finite for all valid chunks; leave chunks out by slice="
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
