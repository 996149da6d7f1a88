"""From the localizations that were taken of a table to the Dataset of transformations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import segments, transformations
from smlm_accessor.errors import OptionError
from smlm_accessor.estimation.chunking import chunked, without_small_chunks
from smlm_accessor.estimation.chunks import Chunks, make_chunks
from smlm_accessor.estimation.request import Request
from smlm_accessor.estimation.sampling import FIRST, Sample, Sampling, described
from smlm_accessor.estimation.scan import Frames, Scan
from smlm_accessor.estimation.segments import require_one_movie
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.table.units import unit_factor

_BRIDGED = "Corrections and models bridge such chunks; larger chunks may avoid them."
_LARGER = 4  # is the next sample


@dataclass(frozen=True)
class Estimate:
    """The drift, and what there is to warn of: empty if nothing."""

    dataset: xr.Dataset
    warning: str


def register(
    sample: list[Sample], sampling: Sampling, scan: Scan | None, request: Request
) -> Estimate:
    """Register the chunks of what was drawn.

    Parameters
    ----------
    sample : list of Sample
        One; it is taken out of the list, so that its memory can be given back.
    sampling : Sampling
        How it was drawn.
    scan : Scan, optional
        Of all rows; not needed if all were taken.
    request : Request
    """
    taken = sample.pop()
    if request.expects_one_movie:
        require_one_movie(taken.runs if scan is None else scan.runs)
    if sampling.takes_all:
        rows = taken.localizations
        del taken
        finite = rows.finite
        frames = Frames.of(rows.frames[finite], len(finite))
        cut, chosen = cut_into_chunks(frames, request)
        unit = rows.length_unit
        localizations = chunked(rows, cut, request.jumps)
        del rows, finite  # methods need the memory
        registered = run(without_small_chunks(localizations), request)
        return build(registered, localizations, cut, frames, chosen, unit, request)
    assert scan is not None
    frames = scan.frames
    cut, chosen = cut_into_chunks(frames, request)
    unit = taken.localizations.length_unit
    goal = unit_factor("nm", unit, taken.localizations.columns.pixel_size)
    for n_squares, last in _samples(sampling):
        localizations = chunked(taken.first(n_squares), cut, request.jumps)
        registered = run(without_small_chunks(localizations), request)
        std = _typical_std(registered)
        if last or registered.offset_std is None:
            break
        precise = goal is not None and std is not None and std <= request.target_std * goal
        if precise and registered.valid.all():
            break
    record = {
        "max_localizations": request.max_localizations,
        "target_std": request.target_std,
        **described(sampling, len(localizations.frames), n_squares),
    }
    if std is not None:
        record["offset_std"] = std
    chosen = {**chosen, "sample": record}
    return build(registered, localizations, cut, frames, chosen, unit, request)


def cut_into_chunks(frames: Frames, request: Request) -> tuple[Chunks, dict[str, Any]]:
    """Cut all frames into chunks, and return the rule that was used."""
    frames.require_enough()
    if request.leaves_chunks_to_method:
        return Chunks(np.array([frames.number[0], frames.number[-1] + 1])), {}
    cut = make_chunks(frames.number, frames.count, **request.rule, jumps=request.jumps)
    if cut.n_chunks < 2:
        raise OptionError(
            f"These chunks leave a single one, of {int(frames.count.sum())} localizations in "
            f"{len(frames.number)} frames; ask for smaller chunks, for example n_chunks=10"
        )
    return cut, request.rule or {"n_chunks": cut.n_chunks}


def build(
    registered: Registered,
    localizations: ChunkedLocalizations,
    cut: Chunks,
    frames: Frames | tuple[IntArray, FloatArray],
    chosen: dict[str, Any],
    length_unit: str | None,
    request: Request,
) -> Estimate:
    """Return the Dataset for coordinates as they are in the table.

    ``frames`` are those of all rows, or how many localizations each chunk has and their mean frame.
    """
    if registered.edges is None:
        counts, mean = (
            _per_chunk(frames, localizations, cut) if isinstance(frames, Frames) else frames
        )
        registered = _without_outliers(registered, counts)
    else:
        assert isinstance(frames, Frames)
        # A sample may lack the first and the last frames.
        edges = registered.edges.copy()
        edges[0] = min(edges[0], frames.number[0])
        edges[-1] = max(edges[-1], frames.number[-1] + 1)
        cut = Chunks(edges)
        counts, mean = _per_chunk(frames, localizations, cut)
    assert localizations.center is not None
    dataset = transformations.build(
        **_about_origin(registered, localizations.center),
        offset_std=registered.offset_std,
        n_localizations=counts,
        valid=registered.valid,
        quality=registered.quality,
        frame=mean,
        frame_start=cut.start,
        frame_stop=cut.stop,
        components=localizations.components,
        center=localizations.center,
        segment=segments.number(cut.start, _jumps(registered, request, cut)),
        attrs={
            "method": request.method,
            "target": request.target,
            "length_unit": length_unit,
            "parameters": {
                **chosen,
                **request.parameters(),
                **registered.chosen,
            },
        },
    )
    return Estimate(dataset, _warning(dataset, registered.reason))


def _jumps(registered: Registered, request: Request, cut: Chunks) -> IntArray:
    """Return the frames with which segments begin, given or found."""
    if request.is_continuous:
        return np.empty(0, dtype=np.int64)
    known = [j for j in (request.jumps, registered.jumps) if j is not None]
    jumps = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *known]))
    return np.asarray(jumps[jumps > cut.edges[0]])


def run(localizations: ChunkedLocalizations, request: Request) -> Registered:
    """Let the method register the chunks."""
    return request.entry.run(
        localizations, target=request.target, progress=request.progress, **request.options
    )


def _samples(sampling: Sampling) -> list[tuple[int, bool]]:
    """Return numbers of squares that make samples of growing size, and which is the last."""
    if sampling.squares is None:
        return [(0, True)]
    total = np.cumsum(sampling.squares.count)
    sizes, wanted = [], FIRST
    while wanted < total[-1]:
        sizes.append(max(1, int(np.searchsorted(total, wanted, side="right"))))
        wanted *= _LARGER
    steps = [n for n in dict.fromkeys(sizes) if n < len(total)]
    return [*((n, False) for n in steps), (len(total), True)]


def _per_chunk(
    frames: Frames, localizations: ChunkedLocalizations, cut: Chunks
) -> tuple[IntArray, FloatArray]:
    """Return how many of all localizations each chunk has, and the mean frame of those used."""
    counts, mean = frames.per_chunk(cut)
    if len(localizations.frames) < counts.sum():
        used, of_used = Frames.of(localizations.frames).per_chunk(cut)
        mean = np.where(used > 0, of_used, mean)
    return counts, mean


def _typical_std(registered: Registered) -> float | None:
    """Return the median standard deviation of the offsets, None if the method gives none."""
    if registered.offset_std is None or not np.isfinite(registered.offset_std).any():
        return None
    return float(np.nanmedian(registered.offset_std))


def _about_origin(registered: Registered, center: FloatArray) -> dict[str, FloatArray]:
    """Return matrix and offset for coordinates as they are in the table."""
    k, d = registered.offset.shape
    matrix = registered.matrix
    if matrix is None:
        matrix = np.broadcast_to(np.eye(d), (k, d, d))
    offset = transformations.offset_from_about(matrix, registered.offset, center)
    return {"matrix": matrix, "offset": offset}


def _without_outliers(registered: Registered, counts: IntArray) -> Registered:
    """Call a chunk invalid that lies far from both its neighbours: it was matched wrongly."""
    from smlm_accessor.kernels.time_series.outliers import isolated

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


def _warning(dataset: xr.Dataset, reason: str) -> str:
    invalid = np.flatnonzero(~dataset["valid"].values)
    if not len(invalid):
        return ""
    start, stop = dataset["frame_start"].values[invalid], dataset["frame_stop"].values[invalid]
    n = dataset["n_localizations"].values[invalid]
    named = [
        f"chunk {k} (frames {a} to {b - 1}, {m} localizations)"
        for k, a, b, m in zip(invalid, start, stop, n, strict=True)
    ]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    return (
        f"Could not register {', '.join(named[:5])}{more}: NaN there, and valid=False. "
        f"{reason or _BRIDGED}"
    )
