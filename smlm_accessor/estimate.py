"""Estimate drift: table in, Dataset of transformations out."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor import transformations
from smlm_accessor._typing import IntArray
from smlm_accessor.chunking import Chunks, make_chunks
from smlm_accessor.composition import ORIGINS, with_origin
from smlm_accessor.errors import InvalidChunkWarning, OptionError, TableError
from smlm_accessor.evaluate import require_choice
from smlm_accessor.methods import _registry
from smlm_accessor.table import Localizations, read_localizations

TARGETS = ("first", "previous", "all")
# A chunk with fewer localizations than both counts as empty: this number, and this part of what
# chunks usually have.
_FEW = 50
_FEW_OF_USUAL = 0.05


def estimate_drift(
    table: pd.DataFrame,
    *,
    method: str = "icp",
    chunk_size: int | None = None,
    n_chunks: int | None = None,
    frames_per_chunk: int | None = None,
    chunks: npt.ArrayLike | None = None,
    target: str = "first",
    origin: str = "first_chunk",
    progress: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Register the chunks of a table onto each other.

    The parameters are those of ``table.smlm.drift``.
    """
    require_choice("target", target, TARGETS)
    require_choice("origin", origin, ORIGINS)
    _registry.check_options(method, options)
    localizations = read_localizations(table)
    frames, counts = _frame_counts(localizations)
    rule = {
        "chunk_size": chunk_size,
        "n_chunks": n_chunks,
        "frames_per_chunk": frames_per_chunk,
        "chunks": chunks,
    }
    cut = make_chunks(frames, counts, **rule)  # type: ignore[arg-type]
    if cut.n_chunks < 2:
        raise OptionError(
            f"These chunks leave a single one, of {int(counts.sum())} localizations in "
            f"{len(frames)} frames; ask for smaller chunks, for example n_chunks=10"
        )
    points, center = _chunked(localizations, cut)
    registered = _registry.get(method)(
        _without_small_chunks(points), target=target, progress=progress, **options
    )
    registered = _without_outliers(registered, np.diff(points.bounds))
    d = len(center)
    matrix = (
        np.broadcast_to(np.eye(d), (cut.n_chunks, d, d))
        if registered.matrix is None
        else registered.matrix
    )
    chosen = {name: value for name, value in rule.items() if value is not None}
    dataset = transformations.build(
        matrix=matrix,
        offset=transformations.offset_from_about(matrix, registered.offset, center),
        offset_std=registered.offset_std,
        n_localizations=np.diff(points.bounds),
        valid=registered.valid,
        quality=registered.quality,
        frame=_mean_frames(points, cut),
        frame_start=cut.start,
        frame_stop=cut.stop,
        components=points.components,
        center=center,
        attrs={
            "method": method,
            "target": target,
            "length_unit": localizations.length_unit,
            "parameters": {
                **(chosen or {"n_chunks": cut.n_chunks}),
                **_defaults(method),
                **options,
                **registered.chosen,
            },
        },
    )
    _warn_of_invalid(dataset)
    return with_origin(dataset, origin)


def _frame_counts(localizations: Localizations) -> tuple[IntArray, IntArray]:
    """Return the frames that have usable localizations, increasing, and how many each has."""
    frames = localizations.frames[localizations.finite]
    if not len(frames):
        rows = len(localizations.frames)
        raise TableError(
            "This table has no rows." if not rows else f"None of the {rows} rows has coordinates."
        )
    first, last = int(frames.min()), int(frames.max())
    if first == last:
        raise TableError(
            f"All localizations are in frame {first}; drift needs more frames. If another column "
            "holds the frame numbers, say so: smlm_accessor.set_columns(table, frame='...')"
        )
    if last - first < 4 * len(frames) + 1_000_000:
        counts = np.bincount(frames - first)
        present = np.flatnonzero(counts)
        return present + first, counts[present]
    return np.unique(frames, return_counts=True)


def _chunked(
    localizations: Localizations, cut: Chunks
) -> tuple[_registry.ChunkedPoints, npt.NDArray[np.float64]]:
    """Return the usable localizations ordered by frame about their centre, and the centre."""
    rows = np.flatnonzero(localizations.finite)
    frames = localizations.frames[rows]
    if (frames[1:] < frames[:-1]).any():
        order = np.argsort(frames, kind="stable")
        rows, frames = rows[order], frames[order]
    positions = localizations.positions[rows]
    center = _center(positions)
    uncertainty = localizations.uncertainty
    return _registry.ChunkedPoints(
        positions=positions - center,
        frames=frames,
        bounds=np.searchsorted(frames, cut.edges),
        components=localizations.components,
        uncertainty=None if uncertainty is None else uncertainty[rows],
    ), center


def _center(positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean, rounded to a millionth of the extent.

    So the last digits of the coordinates that a method gets, and with them which one of several
    equally good answers it finds, do not depend on the order of the rows.
    """
    extent = float(np.ptp(positions, axis=0).max())
    if extent == 0:
        return np.asarray(positions[0])
    step = 2.0 ** np.floor(np.log2(extent) - 20)
    return np.asarray(np.round(positions.mean(axis=0) / step) * step)


def _without_small_chunks(points: _registry.ChunkedPoints) -> _registry.ChunkedPoints:
    """Empty the chunks that are tiny beside the others.

    What is left over at an end of a movie would be registered badly; as the target it would spoil
    all the others.
    """
    counts = np.diff(points.bounds)
    small = counts < min(_FEW, _FEW_OF_USUAL * float(np.median(counts[counts > 0])))
    keep = np.repeat(~small, counts)
    if keep.all():
        return points
    return replace(
        points,
        positions=points.positions[keep],
        frames=points.frames[keep],
        bounds=np.concatenate([[0], np.cumsum(np.where(small, 0, counts))]),
        uncertainty=None if points.uncertainty is None else points.uncertainty[keep],
    )


def _mean_frames(points: _registry.ChunkedPoints, cut: Chunks) -> npt.NDArray[np.float64]:
    """Return the mean frame of each chunk; of an empty one, its middle."""
    sums = np.diff(np.concatenate([[0.0], np.cumsum(points.frames - cut.edges[0])])[points.bounds])
    counts = np.diff(points.bounds)
    mean = sums / np.maximum(counts, 1) + cut.edges[0]
    return np.where(counts > 0, mean, (cut.start + cut.stop - 1) / 2)


def _defaults(method: str) -> dict[str, Any]:
    """Return the options of a method with their defaults, for the record."""
    parameters = inspect.signature(_registry.get(method)).parameters.values()
    return {
        p.name: p.default
        for p in parameters
        if p.kind is p.KEYWORD_ONLY and p.name not in ("target", "progress", "threads")
    }


def _without_outliers(registered: _registry.Registered, counts: IntArray) -> _registry.Registered:
    """Call a chunk invalid that lies far from both its neighbours: it was matched wrongly."""
    from smlm_accessor.kernels.outliers import isolated

    alone = isolated(registered.offset, counts)
    if not alone.any():
        return registered
    offset = np.where(alone[:, None], np.nan, registered.offset)
    std = registered.offset_std
    return replace(
        registered,
        offset=offset,
        offset_std=None if std is None else np.where(alone[:, None], np.nan, std),
        valid=registered.valid & ~alone,
    )


def _warn_of_invalid(dataset: xr.Dataset) -> None:
    invalid = np.flatnonzero(~dataset["valid"].values)
    if not len(invalid):
        return
    start, stop = dataset["frame_start"].values[invalid], dataset["frame_stop"].values[invalid]
    n = dataset["n_localizations"].values[invalid]
    named = [
        f"chunk {k} (frames {a} to {b - 1}, {m} localizations)"
        for k, a, b, m in zip(invalid, start, stop, n, strict=True)
    ]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    warnings.warn(
        f"Could not register {', '.join(named[:5])}{more}: NaN there, and valid=False. Corrections "
        "and models bridge such chunks; larger chunks may avoid them.",
        InvalidChunkWarning,
        stacklevel=3,
    )
