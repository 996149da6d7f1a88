"""Cubic smoothing spline, its smoothing chosen by restricted maximum likelihood."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.special import ndtr, stdtrit

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.splines.curve import SmoothingSpline
from smlm_accessor.kernels.splines.modes import decompose

__all__ = ["SmoothingSpline", "smoothing_spline"]

# With a knot at each of 200 points the spline is that of Reinsch. A rough curve through more points
# takes up to 400 knots, with a given s up to 1600: a second; the cost grows as their cube.
KNOTS = 200


def smoothing_spline(
    x: FloatArray,
    y: FloatArray,
    *,
    weights: FloatArray | None = None,
    s: float | None = None,
    noise: float = 0.0,
) -> SmoothingSpline:
    """Fit a cubic smoothing spline to finite points, in any order.

    Minimises ``sum (w * (y - f(x)))**2 + smoothing * integral f''**2`` over natural cubic splines,
    with a knot at every distinct ``x`` or, if these are many, at quantiles of them. Weights are one
    over the standard deviation, up to a common factor, which is estimated; ``noise`` is the
    variance that the weighted points are known to have at least: 1 if there is no such factor.

    The smoothing leaves the weighted residual sum of squares at most ``s``; 0 interpolates. If
    ``s`` is not given, it is that of highest restricted likelihood, the spline being the posterior
    mean of an integrated Wiener process. Raises a `ValueError` if there is no point, or if ``s`` is
    negative or asks for more knots than are affordable.

    Notes
    -----
    The restricted likelihood of few points, or of a curve that is smoother than any integrated
    Wiener process, can be highest where there is no noise at all. So it is multiplied by the
    squared share of the residual degrees of freedom, ``(1 - (edf - 2) / (p - 2))**2`` with ``p``
    parameters, which is 1 for a straight line and 0 for interpolation.

    The band allows for what the points do not tell: it is the mean over all smoothings by their
    likelihood, and where the noise is not known, Student's t for so many residuals takes the place
    of the normal distribution, so that it covers 68 %.

    References
    ----------
    Reinsch, C. H. Smoothing by spline functions. Numer. Math. 10, 177 (1967).
    doi:10.1007/BF02162161

    Wahba, G. Bayesian "confidence intervals" for the cross-validated smoothing spline.
    J. R. Stat. Soc. B 45, 133 (1983). doi:10.1111/j.2517-6161.1983.tb01239.x

    Wood, S. N. Fast stable restricted maximum likelihood and marginal likelihood estimation of
    semiparametric generalized linear models. J. R. Stat. Soc. B 73, 3 (2011).
    doi:10.1111/j.1467-9868.2010.00749.x

    Examples
    --------
    >>> x = np.linspace(0, 1000, 11)
    >>> curve = smoothing_spline(x, 3 + 0.01 * x)
    >>> np.round(curve(np.array([-100.0, 500.0, 1100.0])), 6)
    array([ 2.,  8., 14.])
    """
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    used = w > 0
    x, y, w = x[used].astype(np.float64), y[used].astype(np.float64), w[used]
    if len(x) == 0:
        raise ValueError("a smoothing spline needs at least one point of positive weight")
    if s is not None and not s >= 0:
        raise ValueError(f"s={s!r} must not be negative; it is a sum of squares")
    nodes = np.unique(x)
    if s == 0 or len(nodes) == 1:
        return _interpolate(x, y, w, noise)
    center, width = float(nodes[0]), float(nodes[-1] - nodes[0])
    u, nodes = (x - center) / width, (nodes - center) / width
    n_knots, most = min(len(nodes), KNOTS), min(len(nodes), KNOTS * (2 if s is None else 8))
    while True:
        spread = np.round(np.linspace(0, len(nodes) - 1, n_knots)).astype(np.int64)
        modes = decompose(u, y, w, nodes[spread], noise)
        smoothing = modes.likeliest() if s is None else modes.for_rss(s)
        enough = smoothing is not None and (s is not None or modes.edf(smoothing) < n_knots / 2)
        if enough or n_knots == most:
            break
        n_knots = min(2 * n_knots, most)
    if smoothing is None:
        if n_knots == len(nodes):
            return _interpolate(x, y, w, noise)
        raise ValueError(
            f"s={s:g} cannot be reached with {n_knots} knots, which leave {modes.rss(0.0):.6g}; "
            "give at least that, or s=0 to interpolate"
        )
    kept = modes.shrinkage(smoothing)
    covariance = modes.averaged_covariance(smoothing) if s is None else modes.covariance(smoothing)
    return SmoothingSpline(
        knots=modes.knots,
        coefficients=modes.line + modes.modes @ (kept * modes.amplitudes),
        covariance=_diagonals(covariance),
        center=center,
        width=width,
        smoothing=smoothing,
        edf=float(kept.sum()),
        scale=modes.scale(smoothing),
        rss=modes.rss(smoothing),
        total=modes.total,
        n=modes.n,
        widening=1.0 if noise else student(modes.n - float(kept.sum())),
    )


def student(n_free: float) -> float:
    """Return how much wider than the normal distribution Student's t is, where it covers 68 %.

    Examples
    --------
    >>> round(student(1), 2), round(student(3), 2), round(student(100), 2)
    (1.84, 1.2, 1.01)
    """
    return float(stdtrit(n_free, float(ndtr(1.0)))) if n_free > 0 else np.nan


def _diagonals(covariance: FloatArray) -> FloatArray:
    """Return the main diagonal and three below it, shape (4, k)."""
    return np.array([np.pad(np.diagonal(covariance, j), (0, j)) for j in range(4)])


def _interpolate(x: FloatArray, y: FloatArray, w: FloatArray, noise: float) -> SmoothingSpline:
    """Natural spline through the points, or through their means where ``x`` repeats."""
    nodes, index = np.unique(x, return_inverse=True)
    weight = np.bincount(index, w**2)
    means = np.bincount(index, w**2 * y) / weight
    center, width = float(nodes[0]), float(nodes[-1] - nodes[0]) or 1.0
    if len(nodes) == 1:
        knots, of_means = np.repeat([0.0, 1.0], 4), np.ones((4, 1))
    elif len(nodes) == 2:
        knots, of_means = np.repeat([0.0, 1.0], 4), np.linspace([1.0, 0.0], [0.0, 1.0], 4)
    else:
        unit = np.eye(len(nodes))
        spline = make_interp_spline((nodes - center) / width, unit, k=3, bc_type="natural")
        knots, of_means = spline.t, spline.c
    rss = float(np.sum((w * (y - means[index])) ** 2))
    spare = len(x) - len(nodes)
    scale = max(rss / spare, noise) if spare else noise or np.nan
    covariance = scale * (of_means / weight) @ of_means.T
    return SmoothingSpline(
        knots=knots,
        coefficients=of_means @ means,
        covariance=_diagonals(covariance),
        center=center,
        width=width,
        smoothing=0.0,
        edf=float(len(nodes)),
        scale=scale,
        rss=rss,
        total=float(np.sum((w * (y - np.average(y, weights=w**2))) ** 2)),
        n=len(x),
        widening=1.0 if noise else student(spare),
    )
