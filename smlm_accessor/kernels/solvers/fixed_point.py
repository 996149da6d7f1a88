"""The fixed point of an expensive, slowly converging, slightly rough map."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import FloatArray

_RISE = 0.01  # an accelerated step may raise the cost by this fraction, no more
_GRAIN = 1e-3  # of the radius: to multiples of this the step of `smooth_root` is rounded


@dataclass(frozen=True)
class Evaluation:
    """What the map gives at one point.

    ``residual``, shape (p,), is the image of the point minus the point, all components in one unit;
    ``cost`` is what plain iteration lowers. ``fraction`` and ``scale`` are watched for convergence;
    ``scale``, in the unit of the residual, is also what a step is compared with.
    """

    residual: FloatArray
    cost: float
    fraction: float
    scale: float


@dataclass(frozen=True)
class FixedPoint:
    """Where the iteration ended, and after how many evaluations of the map."""

    point: FloatArray
    n_iterations: int
    converged: bool


Map = Callable[[FloatArray], Evaluation | None]


def solve(
    evaluate: Map,
    start: FloatArray,
    *,
    memory: int,
    max_iterations: int,
    tolerance: float,
    resolution: float = 0.0,
    unit: float = 0.0,
    gain: float = 1.0,
) -> FixedPoint | None:
    """Iterate with Anderson acceleration until nothing changes any more.

    Converged is: ``fraction`` and ``scale`` change by less than ``tolerance``, relative, and the
    next step, which is an estimate of the distance that remains, is at most ``10 *
    sqrt(tolerance)`` scales. (Near a minimum where plain iteration takes 100 steps, a step of that
    size changes the cost by the fraction ``tolerance``.)

    Where the map jumps, acceleration makes rounding errors several times larger in each step. So
    steps are rounded to multiples of about ``sqrt(tolerance)`` scales: then the same data in
    another unit take the same steps. ``unit`` is any length of the data, of which that multiple is
    a power of ``2 ** 0.25``; steps are not rounded if it is zero or infinite. A step below
    ``resolution`` is rounding.

    ``memory`` earlier evaluations are used, of ``max_iterations`` at most; 0 is plain iteration.
    The residual times ``gain`` is about the distance that remains. None if the map was not defined
    on the way.

    References
    ----------
    Walker & Ni, SIAM J. Numer. Anal. 49, 1715 (2011), DOI 10.1137/10078356X. For closest points:
    Pavlov et al., ICRA 2018, DOI 10.1109/ICRA.2018.8461063.
    """
    point = np.array(start, dtype=np.float64)
    points: list[FloatArray] = []
    residuals: list[FloatArray] = []
    last: Evaluation | None = None
    accelerated = False
    for iteration in range(1, max_iterations + 1):
        now = evaluate(point)
        if now is None:
            return None
        if accelerated and last is not None and now.cost > last.cost * (1 + _RISE):
            # The step went too far: back, and on from there by a plain one.
            point = points[-1] + residuals[-1]
            del points[:-1], residuals[:-1]
            accelerated = False
            gain = max(1.0, gain / 2)
            continue
        points.append(point)
        residuals.append(now.residual)
        del points[: -memory - 1], residuals[: -memory - 1]
        step = _step(np.array(points), np.array(residuals), gain)
        accelerated = gain > 1 or len(points) > 1
        length = _length(step)
        longest = max(now.scale, _length(now.residual))
        if length > longest:
            step *= longest / length
        grain = tolerance**0.5 * steady(now.scale, unit)
        if 0 < unit < math.inf and grain > 0:
            step = grain * np.round(step / grain)
            length = _length(step)
        if length <= resolution or (
            last is not None
            and abs(now.fraction - last.fraction) <= tolerance * last.fraction
            and abs(now.scale - last.scale) <= tolerance * last.scale
            and length <= 10 * tolerance**0.5 * now.scale
        ):
            return FixedPoint(point + step, iteration, True)
        last = now
        point = point + step
    return FixedPoint(points[-1], max_iterations, False)


def _step(points: FloatArray, residuals: FloatArray, gain: float) -> FloatArray:
    """Return Anderson's step: to the zero of the residual as the last points extrapolate it."""
    residual = residuals[-1]
    if len(points) == 1:
        step: FloatArray = gain * residual
        return step
    d_residual = residuals[1:] - residuals[:-1]
    d_point = points[1:] - points[:-1]
    normal = d_residual @ d_residual.T
    # A little damping, for differences that are almost parallel.
    normal.flat[:: len(normal) + 1] += 1e-6 * normal.trace() + np.finfo(float).tiny
    weights = np.linalg.solve(normal, d_residual @ residual)
    step = gain * residual - weights @ (d_point + gain * d_residual)
    return step


def steady(length: float, unit: float) -> float:
    """Round a length to quarters of an octave, counted from a unit.

    So that lengths that differ by rounding errors, or a little more, become the same.
    """
    if not (0 < length < math.inf and 0 < unit < math.inf):
        return length
    return unit * math.exp2(round(4 * math.log2(length / unit)) / 4)


def _length(vector: FloatArray) -> float:
    return math.sqrt(float(np.dot(vector, vector)))


def smooth_root(evaluate: Map, point: FloatArray, radius: float) -> FloatArray | None:
    """Return the zero of the residual, fitted as linear within ``radius`` around ``point``.

    Rough maps have many fixed points close together; which one an iteration ends in is chance. The
    line through evaluations all around averages that out. The step there is rounded: between the
    jumps of the map the residual changes faster than the line, which makes errors larger.

    ``point`` is a fixed point of ``evaluate`` (see `solve`), or close to one. None if there is no
    zero within ``radius``.
    """
    if not radius > 0:
        return None
    offsets = radius * directions(len(point))
    evaluations = [evaluate(point + offset) for offset in offsets]
    if not all(evaluations):
        return None
    residuals = np.array([e.residual for e in evaluations if e])
    # The offsets are balanced and isotropic: mean and slope can be fitted apart.
    slope = residuals.T @ offsets * (len(point) / (len(offsets) * radius**2))
    try:
        step = -np.linalg.solve(slope, residuals.mean(axis=0))
    except np.linalg.LinAlgError:
        return None
    if not np.linalg.norm(step) <= radius:
        return None
    grain = _GRAIN * radius
    return point + grain * np.round(step / grain)


def directions(n: int) -> FloatArray:
    """Return the unit vectors to the corners of a regular simplex and their opposites."""
    corners = np.sqrt(1 + 1 / n) * np.eye(n) - (np.sqrt(n + 1) - 1) / n**1.5
    corners = np.vstack([corners, np.full(n, -1 / np.sqrt(n))])
    return np.vstack([corners, -corners])
