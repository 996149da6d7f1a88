"""Let a sample drift: move and turn the localizations of a table, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, Unpack, overload

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor import history, transformations
from smlm_accessor._typing import FloatArray
from smlm_accessor.simulate._options import PerComponent, Seed, number, per_component
from smlm_accessor.simulate.drift_curve import Curve, Step, Term, drift_curve, steady_drift
from smlm_accessor.table import Localizations, read_localizations, write_positions


class DriftTerms(TypedDict, total=False):
    """Options of `simulate_drift` but for ``return_drift``."""

    velocity: PerComponent | None
    diffusion_constant: PerComponent | None
    sinusoid: Term | Sequence[Term] | None
    settling: Term | Sequence[Term] | None
    step: Step | Sequence[Step] | None
    curve: Curve | None
    rotation: float | None
    rotation_center: Sequence[float] | None
    seed: Seed


@overload
def simulate_drift(
    table: pd.DataFrame, *, return_drift: Literal[False] = ..., **terms: Unpack[DriftTerms]
) -> pd.DataFrame: ...


@overload
def simulate_drift(
    table: pd.DataFrame, *, return_drift: Literal[True], **terms: Unpack[DriftTerms]
) -> tuple[pd.DataFrame, xr.Dataset]: ...


@overload
def simulate_drift(
    table: pd.DataFrame, *, return_drift: bool, **terms: Unpack[DriftTerms]
) -> pd.DataFrame | tuple[pd.DataFrame, xr.Dataset]: ...


def simulate_drift(
    table: pd.DataFrame,
    *,
    velocity: PerComponent | None = None,
    diffusion_constant: PerComponent | None = None,
    sinusoid: Term | Sequence[Term] | None = None,
    settling: Term | Sequence[Term] | None = None,
    step: Step | Sequence[Step] | None = None,
    curve: Curve | None = None,
    rotation: float | None = None,
    rotation_center: Sequence[float] | None = None,
    seed: Seed = None,
    return_drift: bool = False,
) -> pd.DataFrame | tuple[pd.DataFrame, xr.Dataset]:
    """Add drift to localizations, as if the sample had moved while they were taken.

    The sample is moved by the sum of the terms that are given, then turned. Every term is zero in
    the first frame of the table. Where a term takes a number per component, a single number
    counts for all components.

    Parameters
    ----------
    table : DataFrame
        Localizations with frame numbers, in any order; it is not modified.
    velocity : float or one per component
        Length per frame.
    diffusion_constant : float or one per component
        Length squared per frame: a random walk with steps of variance ``2 * diffusion_constant``
        per frame and component. The same seed gives the same walk for any rows of a
        movie, as long as the first frame is the same.
    sinusoid : dict or list of dict
        ``{"amplitude": 50, "period": 10_000, "phase": 0}``: length, frames, and radians (0 if left
        out), each a number or one per component.
    settling : dict or list of dict
        ``{"amplitude": 100, "time_constant": 2_000}``: the sample goes this far, exponentially.
    step : (frame, jump) or list of them
        From this frame on the sample is displaced by the jump, a number or one per component.
    curve : array_like, shape (n_frames, d), or callable
        The drift in each frame from the first to the last, or a function that takes an array of n
        frame numbers and returns an array of shape (n, d). Its value in the first frame is
        subtracted.
    rotation : float
        Radians per frame, from x to y; in 3D about the z axis.
    rotation_center : one per component
        The point about which the sample is turned; the middle of the table's extent if not given.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same random walk.
    return_drift : bool
        Whether to return the drift as well.

    Returns
    -------
    DataFrame
        A new table; only the coordinates differ.
    xarray.Dataset
        Only with ``return_drift``: the transformations that undo the drift, one chunk for each
        frame from the first to the last.

    Raises
    ------
    TableError
        If the table has no positions or frames.
    OptionError
        If a term makes no sense, or the frames are too far apart for a random walk.

    Examples
    --------
    >>> from smlm_accessor.simulate import simulate_drift, simulate_thomas
    >>> locs = simulate_thomas(cluster_mu=10, seed=1)
    >>> drifted, drift = simulate_drift(locs, velocity=(0.02, 0.01), return_drift=True)
    >>> drift.offset.sel(component="x").values[:3]
    array([ 0.  , -0.02, -0.04])
    """
    locs = read_localizations(table)
    terms: dict[str, Any] = {
        "velocity": velocity,
        "sinusoid": sinusoid,
        "settling": settling,
        "step": step,
        "curve": curve,
    }
    rate = 0.0 if rotation is None else number("rotation", rotation)
    center = _center(locs, rotation_center)
    first = int(locs.frames.min()) if len(locs.frames) else 0
    n_frames = int(locs.frames.max()) - first + 1 if len(locs.frames) else 0
    in_each = np.zeros((0, len(center)))
    if return_drift or diffusion_constant is not None or n_frames <= len(locs.frames):
        in_each = drift_curve(
            first,
            n_frames,
            locs.components,
            **terms,
            diffusion_constant=diffusion_constant,
            seed=seed,
        )
        shift = in_each[locs.frames - first]
    else:
        present, rows = np.unique(locs.frames, return_inverse=True)
        shift = steady_drift(present, first, locs.components, **terms)[rows]
    angle = rate * (locs.frames - first).astype(np.float64)
    moved = displace(locs.positions, shift, angle, center)
    result = write_positions(table, locs.columns, moved)
    parameters = {
        "velocity": velocity,
        "diffusion_constant": diffusion_constant,
        "sinusoid": sinusoid,
        "settling": settling,
        "step": step,
        "curve": curve if curve is None or callable(curve) else np.asarray(curve),
        "rotation": rotation,
        "rotation_center": None if rotation is None else center,
        "seed": seed,
    }
    parameters = {name: value for name, value in parameters.items() if value is not None}
    result.attrs = history.record(table.attrs, "simulate_drift", **parameters)
    if not return_drift:
        return result
    return result, _truth(locs, in_each, first, rate, center, parameters)


def displace(
    positions: FloatArray, shift: FloatArray, angle: FloatArray, center: FloatArray
) -> FloatArray:
    """Return positions moved by a shift, then turned by an angle, each row by its own.

    Parameters
    ----------
    positions, shift : ndarray, shape (n, d)
    angle : ndarray, shape (n,)
        Radians, from x to y.
    center : ndarray, shape (d,)
        The point about which they are turned.

    Returns
    -------
    ndarray, shape (n, d)

    Examples
    --------
    >>> displace(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]), np.array([np.pi / 2]),
    ...          np.zeros(2)).round(6)
    array([[0., 2.]])
    """
    moved = positions + shift
    if np.any(angle):
        cos, sin = np.cos(angle), np.sin(angle)
        x, y = moved[:, 0] - center[0], moved[:, 1] - center[1]
        moved[:, 0] = center[0] + cos * x - sin * y
        moved[:, 1] = center[1] + sin * x + cos * y
    return moved


def _center(locs: Localizations, given: Sequence[float] | None) -> FloatArray:
    if given is not None:
        return per_component("rotation_center", given, locs.components)
    positions = locs.positions[locs.finite]
    if not len(positions):
        return np.zeros(locs.positions.shape[1])
    return np.asarray((positions.min(axis=0) + positions.max(axis=0)) / 2)


def _truth(
    locs: Localizations,
    shift: FloatArray,
    first: int,
    rate: float,
    center: FloatArray,
    parameters: dict[str, Any],
) -> xr.Dataset:
    """Return the transformations that undo the drift, one for each frame."""
    n, d = shift.shape
    frames = np.arange(first, first + n)
    matrix = np.zeros((n, d, d))
    matrix[:] = np.eye(d)
    angle = rate * (frames - first)
    matrix[:, 0, 0] = matrix[:, 1, 1] = np.cos(angle)
    matrix[:, 0, 1] = np.sin(angle)
    matrix[:, 1, 0] = -matrix[:, 0, 1]
    return transformations.build(
        matrix=matrix,
        offset=transformations.offset_from_about(matrix, 0.0 - shift, center),
        components=locs.components,
        frame=frames,
        frame_start=frames,
        frame_stop=frames + 1,
        n_localizations=np.bincount(locs.frames[locs.finite] - first, minlength=n),
        center=center,
        attrs={
            "method": "simulate_drift",
            "origin": "first_frame",
            "length_unit": locs.length_unit,
            "parameters": parameters,
        },
    )
