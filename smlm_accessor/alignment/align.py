"""Estimate the transformation that puts one table onto another."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.alignment.beads import BeadMatch, match_beads, more_precise
from smlm_accessor.alignment.coarse import (
    CLEAR_TURNED,
    CoarseAlignment,
    coarse_alignment,
    turned,
)
from smlm_accessor.alignment.overlap_fit import Alignment, OverlapFit
from smlm_accessor.alignment.tables import TablePair, read_pair
from smlm_accessor.drift import build, offset_from_about, static
from smlm_accessor.drift.spec import COMPONENTS
from smlm_accessor.drift.times import TIME_UNIT, timed
from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.beads.pairs import fewest_beads
from smlm_accessor.kernels.correlation.global_shift import CLEAR
from smlm_accessor.kernels.neighbours.nena import FLATTENING
from smlm_accessor.options import count, length
from smlm_accessor.table.clock import SECONDS

#: Localizations of each table that are used.
MOST = 2_000_000
_FEWEST = 10
_NOWHERE = CoarseAlignment(0.0, np.full(2, np.nan), 0.0, np.inf)


def align(
    moving: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    with_rotation: bool = False,
    with_scaling: bool = False,
    max_shift: float | None = None,
    max_localizations: int = MOST,
    progress: bool = False,
) -> xr.Dataset:
    """Return the transformation that puts ``moving`` onto ``reference``.

    See ``table.smlm.align``.
    """
    length("max_shift", max_shift, remedy="leave it out to allow any shift")
    count("max_localizations", max_localizations, least=_FEWEST)
    both = read_pair(reference, moving, int(max_localizations), progress=progress)
    terms = {"with_rotation": bool(with_rotation), "with_scaling": bool(with_scaling)}
    precision = both.precision()
    found, fit, beads = _register_both(both, precision, max_shift, terms, progress)
    chosen: dict[str, Any] = {
        **terms,
        "max_shift": max_shift,
        "max_localizations": int(max_localizations),
        "n_reference": len(both.reference.frames),
        "sampled": both.sampled,
        "precision": _known(precision),
    }
    if beads is not None:
        chosen["beads"] = [len(beads.reference), len(beads.moving), beads.matched]
    if fit is not None:
        if np.isfinite(fit.width):
            chosen |= {"kernel_width": fit.width, "n_blocks": fit.n_blocks, "overlap": fit.overlap}
        deviations = fit.std[len(both.components) :].tolist()
        if with_rotation:
            chosen |= {"rotation": fit.angle, "rotation_std": deviations.pop(0)}
        if with_scaling:
            scale = float(np.exp(fit.log_scale))
            chosen |= {"scaling": scale, "scaling_std": scale * deviations.pop(0)}
    result = _dataset(both, found, fit, chosen)
    if fit is None:
        warnings.warn(_reason(both, found, beads, terms), InvalidChunkWarning, stacklevel=3)
    return result


def _register_both(
    both: TablePair,
    precision: FloatArray,
    max_shift: float | None,
    terms: dict[str, bool],
    progress: bool,
) -> tuple[CoarseAlignment, Alignment | None, BeadMatch | None]:
    """Register by the beads that are in both tables, and by all else.

    A bead has thousands of localizations at one place. Where beads are in both tables, they count
    by how they differ from each other, and the structures are registered without them.
    """
    center = both.positions()[1].mean(axis=0)
    beads = match_beads(both, center, **terms, max_shift=max_shift)

    def structures(pair: TablePair) -> tuple[CoarseAlignment, Alignment | None]:
        return _register(pair, center, precision, max_shift, terms, progress)

    if beads is None:
        return *structures(both), None
    found, fit = structures(both.without(beads.reference.is_bead, beads.moving.is_bead))
    if beads.fit is None:
        if fit is None:
            found, fit = structures(both)
        return found, fit, beads
    by_beads = CoarseAlignment(beads.fit.angle, beads.fit.shift[:2], beads.significance, 0.0)
    return by_beads, more_precise(beads.fit, fit), beads


def _register(
    both: TablePair,
    center: FloatArray,
    precision: FloatArray,
    max_shift: float | None,
    terms: dict[str, bool],
    progress: bool,
) -> tuple[CoarseAlignment, Alignment | None]:
    reference, moving = both.positions()
    if min(len(reference), len(moving)) < _FEWEST:
        return _NOWHERE, None
    wide = min(float(by_column.extent(p[:, :2]).max()) for p in (reference, moving))
    if not wide > 0:
        return _NOWHERE, None
    # Differences of coordinates do not depend on how far away the origin is.
    reference, moving = reference - center, moving - center
    lateral = float(np.max(precision[:2]))
    found = coarse_alignment(
        np.ascontiguousarray(reference[:, :2]),
        np.ascontiguousarray(moving[:, :2]),
        precision=lateral,
        max_shift=max_shift,
        turn=terms["with_rotation"],
        progress=progress,
    )
    if not found.is_clear:
        return found, None
    shift = np.zeros(moving.shape[1])
    shift[:2] = found.shift
    flattening = 1.0
    if len(shift) == 3:
        height = _height(reference, moving, found)
        if height is None:
            return found, None
        shift[2] = height
        ratio = precision[2] / lateral
        flattening = float(ratio) if np.isfinite(ratio) and ratio > 0 else FLATTENING
    nothing = np.zeros((0, 0))
    origin = np.zeros(len(shift))
    start = Alignment(origin, shift, found.angle, 0.0, nothing, np.nan, 0.0, 0.0)
    fit = OverlapFit(reference, moving, **terms, flattening=flattening).solve(
        start, found.reach, lateral
    )
    if fit is None or not (np.abs(fit.shift - shift)[:2] <= 2 * found.reach).all():
        return found, None
    if max_shift is not None and not (np.abs(fit.shift[:2]) <= max_shift).all():
        return found, None
    return found, replace(fit, center=center)


def _height(reference: FloatArray, moving: FloatArray, found: CoarseAlignment) -> float | None:
    """Return the shift along z, roughly; None if there is none that is clear."""
    from smlm_accessor.methods.api import ChunkedLocalizations
    from smlm_accessor.methods.image_series.registration import Shifts
    from smlm_accessor.methods.image_series.z_profiles import register_z

    laid = moving.copy()
    laid[:, :2] = turned(laid[:, :2], found.angle) + found.shift
    n = len(reference)
    points = ChunkedLocalizations(
        np.concatenate([reference, laid]),
        np.repeat([0, 1], [n, len(laid)]),
        np.array([0, n, n + len(laid)]),
        COMPONENTS,
    )
    still = np.zeros((2, 2))
    heights, _ = register_z(
        points,
        Shifts(still, still, np.ones(2), np.ones(2, dtype=bool)),
        lateral_smoothing=found.reach / 2,
        max_shift=None,
        target="first",
        threads=None,
        progress=False,
    )
    if not heights.valid.all():
        return None
    return -float(heights.shift[1, 2] - heights.shift[0, 2])


def _dataset(
    both: TablePair, found: CoarseAlignment, fit: Alignment | None, chosen: dict[str, Any]
) -> xr.Dataset:
    d = len(both.components)
    center = both.positions()[1].mean(axis=0)
    matrix, about, std = np.eye(d), np.full(d, np.nan), np.full(d, np.nan)
    if fit is not None:
        matrix, about, std = fit.matrix, fit.shift, fit.std[:d]
    result = build(
        matrix=matrix[None],
        offset=offset_from_about(matrix, about, center)[None],
        offset_std=std[None],
        components=both.components,
        frame=[both.mean],
        frame_start=[both.first],
        frame_stop=[both.last + 1],
        n_localizations=[len(both.moving.frames)],
        valid=[fit is not None],
        quality=[found.significance],
        center=center,
        attrs={
            "method": "align",
            "target": "reference",
            static.KEY: 1,
            "length_unit": both.moving.length_unit,
            TIME_UNIT: SECONDS.unit if both.moving.clock.is_time else None,
            "parameters": chosen,
        },
    )
    return timed(result)


def _reason(
    both: TablePair, found: CoarseAlignment, beads: BeadMatch | None, terms: dict[str, bool]
) -> str:
    few = min(len(both.moving.frames), len(both.reference.frames)) < _FEWEST
    if few:
        why = f"one of them has fewer than {_FEWEST} localizations"
    elif not found.is_clear:
        needed = CLEAR_TURNED if found.angle else CLEAR
        why = (
            f"no shift stands out from chance (the best one by {found.significance:.1f} standard "
            f"deviations, and it takes {needed:g})"
        )
    else:
        why = "too few blocks of the field agree on one"
    if beads is not None:
        why += (
            f"; of {len(beads.reference)} and {len(beads.moving)} beads, {beads.matched} lie alike "
            f"at best, and it takes {fewest_beads(**terms)}, closer than by chance"
        )
    more = " All localizations may tell more: raise max_localizations." if both.sampled else ""
    return (
        f"Could not align the two tables: {why}. The offset is NaN, and valid=False. Check that "
        f"both show the same part of the sample, in the same unit.{more}"
    )


def _known(precision: FloatArray) -> list[float | None]:
    return [float(p) if np.isfinite(p) else None for p in precision]
