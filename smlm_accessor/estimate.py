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
from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.chunking import Chunks, make_chunks
from smlm_accessor.composition import ORIGINS, with_origin
from smlm_accessor.errors import InvalidChunkWarning, OptionError
from smlm_accessor.evaluate import require_choice
from smlm_accessor.methods import _registry
from smlm_accessor.methods._registry import Registered
from smlm_accessor.points import chunked, frame_counts, mean_frames, recut, without_small_chunks
from smlm_accessor.table import read_localizations

_BRIDGED = "Corrections and models bridge such chunks; larger chunks may avoid them."


def estimate_drift(
    table: pd.DataFrame,
    *,
    method: str = "icp",
    chunk_size: int | None = None,
    n_chunks: int | None = None,
    frames_per_chunk: int | None = None,
    chunks: npt.ArrayLike | None = None,
    target: str | None = None,
    origin: str = "first_chunk",
    progress: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Register the chunks of a table onto each other.

    The parameters are those of ``table.smlm.drift``.
    """
    entry = _registry.entry(method)
    target = target or entry.targets[0]
    _registry.check_target(method, target)
    require_choice("origin", origin, ORIGINS)
    _registry.check_options(method, options)
    localizations = read_localizations(table)
    length_unit = localizations.length_unit
    frames, counts = frame_counts(localizations)
    rule = {
        "chunk_size": chunk_size,
        "n_chunks": n_chunks,
        "frames_per_chunk": frames_per_chunk,
        "chunks": chunks,
    }
    chosen = {name: value for name, value in rule.items() if value is not None}
    if entry.chooses_chunks and not chosen:
        cut = Chunks(np.array([frames[0], frames[-1] + 1]))
    else:
        cut = make_chunks(frames, counts, **rule)  # type: ignore[arg-type]
        chosen = chosen or {"n_chunks": cut.n_chunks}
        _require_chunks(cut, frames, counts)
    points = chunked(localizations, cut)
    center = points.center
    assert center is not None
    del localizations  # methods need the memory
    registered = entry.function(
        without_small_chunks(points), target=target, progress=progress, **options
    )
    if registered.edges is None:
        registered = _without_outliers(registered, np.diff(points.bounds))
    else:
        cut = Chunks(registered.edges)
        points = recut(points, cut)
    dataset = transformations.build(
        **_about_origin(registered, center),
        offset_std=registered.offset_std,
        n_localizations=np.diff(points.bounds),
        valid=registered.valid,
        quality=registered.quality,
        frame=mean_frames(points, cut),
        frame_start=cut.start,
        frame_stop=cut.stop,
        components=points.components,
        center=center,
        attrs={
            "method": method,
            "target": target,
            "length_unit": length_unit,
            "parameters": {**chosen, **_defaults(method), **options, **registered.chosen},
        },
    )
    _warn_of_invalid(dataset, registered.reason)
    return with_origin(dataset, origin)


def _require_chunks(cut: Chunks, frames: IntArray, counts: IntArray) -> None:
    if cut.n_chunks < 2:
        raise OptionError(
            f"These chunks leave a single one, of {int(counts.sum())} localizations in "
            f"{len(frames)} frames; ask for smaller chunks, for example n_chunks=10"
        )


def _about_origin(registered: Registered, center: FloatArray) -> dict[str, FloatArray]:
    """Return matrix and offset for coordinates as they are in the table."""
    k, d = registered.offset.shape
    matrix = registered.matrix
    if matrix is None:
        matrix = np.broadcast_to(np.eye(d), (k, d, d))
    offset = transformations.offset_from_about(matrix, registered.offset, center)
    return {"matrix": matrix, "offset": offset}


def _defaults(method: str) -> dict[str, Any]:
    """Return the options of a method with their defaults, for the record."""
    parameters = inspect.signature(_registry.get(method)).parameters.values()
    return {
        p.name: p.default
        for p in parameters
        if p.kind is p.KEYWORD_ONLY and p.name not in ("target", "progress", "threads")
    }


def _without_outliers(registered: Registered, counts: IntArray) -> Registered:
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


def _warn_of_invalid(dataset: xr.Dataset, reason: str) -> None:
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
        f"Could not register {', '.join(named[:5])}{more}: NaN there, and valid=False. "
        f"{reason or _BRIDGED}",
        InvalidChunkWarning,
        stacklevel=3,
    )
