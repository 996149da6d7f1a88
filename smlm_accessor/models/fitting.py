"""Fit continuous models to the transformations of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import transformations
from smlm_accessor.drift.composition import ORIGINS
from smlm_accessor.drift.segments import jumps as jumps_of
from smlm_accessor.errors import DriftError
from smlm_accessor.models.components import ComponentFit, UncorrectedFit, fit_spline
from smlm_accessor.models.drift_model import DriftModel
from smlm_accessor.models.least_squares import fit_least_squares, require_chunks
from smlm_accessor.models.matrix_model import EntriesModel, MatrixModel, PoseModel
from smlm_accessor.models.matrix_specs import MatrixSpecs
from smlm_accessor.models.segmented import fit_in_segments
from smlm_accessor.models.specs import Spec, Spline, Uncorrected, label, one_each
from smlm_accessor.models.steps import in_segments
from smlm_accessor.models.tracks import Track, Tracks, make_tracks, picked, rotation_axes
from smlm_accessor.options import choice as require_choice


def fit(
    dataset: xr.Dataset,
    *,
    offset: Any = "spline",
    rotation: Any = None,
    scale: Any = None,
    matrix: Any = None,
    slice: slice | npt.ArrayLike | None = None,
    weights: str | npt.ArrayLike | None = "auto",
    origin: str | None = None,
    segments: str | npt.ArrayLike | None = "auto",
) -> DriftModel:
    """Fit continuous models to the transformations of chunks.

    Parameters
    ----------
    dataset : Dataset
        Transformations. Chunks that are not valid are left out.
    offset : str, model, sequence or mapping
        One model for all components, one for each in order, or a mapping from component to model:
        a name (``"none" "zero" "one" "constant" "linear" "polynomial" "spline"``), `Constant`,
        `Linear`, `Polynomial`, `Spline` or `Uncorrected`, or any ``lmfit.Model`` of one variable,
        the frame. ``"none"`` does not correct the component.
    rotation : str, model, sequence or mapping, optional
        The same for the angle by which the sample turned about its centre, in radians, from x to
        y; in 3D for the rotation vector, one model for all of x, y, z or one for each. If not
        given, a spline where chunks turn, else none.
    scale : str or model, optional
        The same for the logarithm of the factor by which the sample grew; ``"one"`` and ``"none"``
        keep it at exactly 1. If not given, a spline where chunks grow, else none.
    matrix : str, model, sequence or mapping, optional
        The same for the entries of the matrix instead, in order row after row, or by ``(component,
        component_in)``, where those left out stay as in the identity. If not given, a spline for
        each entry, if not all matrices are rotations with one scale.
    slice : slice, or array_like of bool or int, optional
        Which chunks to fit to; all if not given.
    weights : "auto", array_like or None
        One over the standard deviation of each chunk, shape (chunks,) or (chunks, components).
        ``"auto"`` takes ``1 / offset_std`` where all chunks have it, else the square root of the
        number of localizations, relative to its quadratic mean. None weighs all alike.
    origin : {"first_chunk", "first_frame", "mean"}, optional
        What the drift at the centre is zero at: the first frame of the estimate, or the mean over
        all localizations; with ``"first_chunk"`` the model agrees with the Dataset at the mean
        frame of its first valid chunk. If not given, as the Dataset has it: a zero at the first
        frame or of the mean is made exact, else the model stays as fitted. Components with the
        model ``"none"`` are not shifted.
    segments : "auto", "find", array_like of int, or None
        The models are continuous within segments of the movie, and free between them. As the
        Dataset has them by its coordinate ``segment``; found from steps between chunks that are far
        larger than usual; those that begin with these frames; or a single one.

    Returns
    -------
    DriftModel

    Raises
    ------
    OptionError
        If an argument makes no sense.
    DriftError
        If the Dataset does not hold transformations, or too few valid ones for a model.

    Examples
    --------
    >>> from smlm_accessor.drift.transformations import build
    >>> drift = build(offset=[[0, 0], [-1, 2], [-2, 4]], components="xy", frame=[5, 15, 25],
    ...               frame_start=[0, 10, 20], frame_stop=[10, 20, 30])
    >>> fit(drift, offset={"x": "linear", "y": "none"}).drift([10]).values.round(6)
    array([[0.5, 0. ]])
    """
    if origin is not None:
        require_choice("origin", origin, ORIGINS)
    transformations.check(dataset)
    dataset = in_segments(dataset, segments)
    components = transformations.components(dataset)
    offset_specs = one_each(offset, components)
    matrix_specs = MatrixSpecs.of(components, rotation=rotation, scale=scale, matrix=matrix)
    valid = np.flatnonzero(dataset["valid"].values.astype(bool))
    if not len(valid):
        raise DriftError(
            "No chunk of this drift is valid, so there is nothing to fit. Estimate again with "
            "larger chunks, or with another method."
        )
    used = valid[np.isin(valid, picked(slice, dataset))]
    if not len(used):
        raise DriftError(
            f"slice={slice!r} picks none of the {len(valid)} valid chunks; leave it out to use all"
        )
    tracks, jumps = make_tracks(dataset, used, weights), jumps_of(dataset)
    offset_fits = tuple(
        fit_in_segments(partial(_fit_one, rest=0.0), spec, track, jumps)
        for spec, track in zip(offset_specs, tracks.offset, strict=True)
    )
    asked = any(argument is not None for argument in (rotation, scale, matrix))
    matrix_model = None
    if asked or not transformations.is_shift_only(dataset):
        matrix_model = _fit_matrix(matrix_specs, tracks, components, jumps)
    zero_at = origin or dataset.attrs.get("origin", "first_chunk")
    zero = np.zeros(len(components))
    if origin is not None or zero_at in ("first_frame", "mean"):
        zero = _value_at_origin(offset_fits, dataset, valid, zero_at)
    return DriftModel(
        offset_fits=offset_fits,
        matrix_model=matrix_model,
        components=components,
        center=tuple(transformations.center(dataset).tolist()),
        shift=tuple(zero.tolist()),
        frame_start=int(dataset["frame_start"].values[valid[0]]),
        frame_stop=int(dataset["frame_stop"].values[valid[-1]]),
        origin=zero_at,
        n_chunks=len(tracks.frames),
        transformations=dataset.copy(deep=True).load(),
    )


def _fit_one(spec: Spec, track: Track, *, rest: float) -> ComponentFit:
    if isinstance(spec, Uncorrected):
        return UncorrectedFit(track.name, label(spec), 0, rest)
    if isinstance(spec, Spline):
        require_chunks(track, label(spec), 1)
        return fit_spline(spec, track, label(spec))
    return fit_least_squares(spec, track)


def _fit_matrix(
    specs: MatrixSpecs, tracks: Tracks, components: Sequence[str], jumps: IntArray
) -> MatrixModel:
    def fitted(spec: Spec, track: Track, rest: float = 0.0) -> ComponentFit:
        return fit_in_segments(partial(_fit_one, rest=rest), spec, track, jumps)

    if specs.by_entry(tracks):
        entries = [(row, column) for row in components for column in components]
        fits = [
            fitted(spec, track, rest=float(row == column))
            for (spec, track), (row, column) in zip(specs.entries(tracks), entries, strict=True)
        ]
        return EntriesModel(dict(zip(entries, fits, strict=True)))
    turns = [fitted(*both) for both in specs.rotations(tracks)]
    return PoseModel(
        dict(zip(rotation_axes(components), turns, strict=True)), fitted(*specs.log_scale(tracks))
    )


def _value_at_origin(
    fits: tuple[ComponentFit, ...], dataset: xr.Dataset, valid: IntArray, origin: str
) -> FloatArray:
    """Return what to subtract from the offsets at the centre, shape (components,)."""
    frames = dataset["frame"].values[valid].astype(np.float64)
    if origin == "first_frame":
        start = dataset["frame_start"].values[valid[:1]].astype(np.float64)
        values = [fit.eval(start)[0] for fit in fits]
    elif origin == "mean":
        counts = np.maximum(dataset["n_localizations"].values[valid], 1)
        values = [np.average(fit.eval(frames), weights=counts) for fit in fits]
    else:
        first = -transformations.drift(dataset).values[valid[0]]
        values = [fit.eval(frames[:1])[0] - at for fit, at in zip(fits, first, strict=True)]
    return np.array(
        [
            0.0 if isinstance(fit, UncorrectedFit) else value
            for fit, value in zip(fits, values, strict=True)
        ]
    )
