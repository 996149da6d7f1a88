"""The smoothing spline in the basis of Demmler and Reinsch: each mode is shrunk on its own.

Demmler, A. & Reinsch, C. Oscillation matrices with spline smoothing. Numer. Math. 24, 375 (1975).
doi:10.1007/BF01437406
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline
from scipy.linalg import eigh
from scipy.optimize import brentq, minimize_scalar
from scipy.sparse import diags_array

from smlm_accessor._typing import FloatArray

# Decades of smoothing beyond that at which the smoothest mode is halved, from where on the curve
# is a line: all such smoothings together weigh as much in the band as those of two decades.
_STRAIGHT = 2.0
# The number of residuals whose information on the noise a known noise has.
_KNOWN_NOISE = 3


@dataclass(frozen=True, eq=False)
class Modes:
    """Points and penalty in the basis of Demmler and Reinsch.

    A smoothing of ``s`` keeps the share ``1 / (1 + s * roughness)`` of the amplitude of a mode.
    """

    knots: FloatArray  # (k + 4,)
    line: FloatArray  # (k,) B-spline coefficients of the weighted line, taken off the points
    modes: FloatArray  # (k, p) coefficients of modes of unit sum of squares; two lines first
    roughness: FloatArray  # (p,) integral of the squared second derivative of each mode
    amplitudes: FloatArray  # (p,) projections of the points
    rss_all: float  # weighted sum of squares that no curve with these knots explains
    total: float  # weighted sum of squares about the mean
    n: int  # points
    noise: float = 0.0  # least variance of the noise that is known

    def shrinkage(self, smoothing: float) -> FloatArray:
        """Return the share of each amplitude that is kept."""
        kept = np.ones(len(self.roughness))
        kept[2:] = 1 / (1 + smoothing * self.roughness[2:])
        return kept

    def edf(self, smoothing: float) -> float:
        """Effective degrees of freedom."""
        return float(self.shrinkage(smoothing).sum())

    def rss(self, smoothing: float) -> float:
        """Weighted residual sum of squares."""
        left = (1 - self.shrinkage(smoothing)) * self.amplitudes
        return self.rss_all + float(left @ left)

    def scale(self, smoothing: float) -> float:
        """Restricted maximum likelihood estimate of the noise variance."""
        if self._n_free <= 0:
            return np.nan
        return max(self._lost(smoothing) / self._n_free, self.noise)

    @property
    def _n_free(self) -> int:
        """Residuals that tell the noise; what is known of it counts as some more."""
        return max(self.n - 2, 0) + (_KNOWN_NOISE if self.noise else 0)

    def _lost(self, smoothing: float) -> float:
        """Return the penalised weighted sum of squares."""
        lost = float((1 - self.shrinkage(smoothing)) @ self.amplitudes**2)
        return self.rss_all + lost + _KNOWN_NOISE * self.noise

    def decades(self) -> FloatArray:
        """Grid of log10(smoothing), from next to interpolation to next to a straight line."""
        low, high = -8 - np.log10(self.roughness.max()), 8 - np.log10(self.roughness[2:].min())
        return np.linspace(low, high, int(4 * (high - low)))

    def deviance(self, decade: float) -> float:
        """Minus twice the log of restricted likelihood times prior; 0 for a straight line."""
        smoothing = 10.0**decade
        scale, of_line = self.scale(smoothing), self.scale(np.inf)
        fit = self._lost(smoothing) / scale - self._lost(np.inf) / of_line
        odds = smoothing * self.roughness[2:]
        noise = float(np.mean(odds / (1 + odds)))
        spread = float(np.log1p(1 / odds).sum())
        fit += self._n_free * float(np.log(scale / of_line))
        return fit + spread - 4 * float(np.log(noise))

    def likeliest(self) -> float:
        """Smoothing of highest restricted likelihood."""
        if not self._tells():
            return np.inf
        grid = self.decades()
        best = int(np.argmin([self.deviance(g) for g in grid]))
        around = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
        found = minimize_scalar(self.deviance, bounds=around, method="bounded")
        return float(10.0**found.x) if found.fun < -1e-6 else np.inf

    def _tells(self) -> bool:
        """Whether the points say anything of roughness; three of unknown noise do not."""
        exact = self.rss(np.inf) <= 1e-24 * self.total
        return self.n > (2 if self.noise else 3) and len(self.roughness) > 2 and not exact

    def covariance(self, smoothing: float) -> FloatArray:
        """Posterior covariance of the coefficients, shape (k, k), for a smoothing."""
        kept = self.shrinkage(smoothing)
        return np.asarray(self.scale(smoothing) * (self.modes * kept) @ self.modes.T)

    def averaged_covariance(self, smoothing: float) -> FloatArray:
        """Return the covariance about the curve of one smoothing if any may be the true one.

        The mean over smoothings, by their likelihood, of the covariance of each and the square of
        how far its curve lies from this one. Few points do not tell how rough a curve is.
        """
        if not self._tells():
            return self.covariance(smoothing)
        grid = self.decades()
        grid = grid[grid <= _STRAIGHT - np.log10(self.roughness[2:].min())]
        deviance = np.array([self.deviance(g) for g in grid])
        likely = np.exp(-0.5 * (deviance - deviance.min()))
        kept = np.array([self.shrinkage(10.0**g) for g in grid])
        scale = np.array([self.scale(10.0**g) for g in grid])
        likely /= likely.sum()
        off = np.sqrt(likely)[:, None] * (kept - self.shrinkage(smoothing)) * self.amplitudes
        in_modes = np.diag((likely * scale) @ kept) + off.T @ off
        return np.asarray(self.modes @ in_modes @ self.modes.T)

    def for_rss(self, s: float) -> float | None:
        """Smoothing that leaves ``s``; None if these knots leave more."""
        if self.rss(np.inf) <= s or len(self.roughness) == 2:
            return np.inf
        low, high = self.decades()[[0, -1]]
        if self.rss(10.0**low) >= s:
            return None
        return float(10.0 ** brentq(lambda g: self.rss(10.0**g) - s, low, high + 8, xtol=1e-12))


def decompose(
    u: FloatArray, y: FloatArray, w: FloatArray, nodes: FloatArray, noise: float = 0.0
) -> Modes:
    """Find the modes of points ``u, y`` of weights ``w`` with knots at ``nodes``, from 0 to 1."""
    knots = np.concatenate([[0.0] * 3, nodes, [1.0] * 3])
    k = len(nodes) + 2
    abscissae = (knots[1 : k + 1] + knots[2 : k + 2] + knots[3 : k + 3]) / 3
    design = diags_array(w) @ BSpline.design_matrix(u, knots, 3)
    # Straight lines, orthonormal in the weighted sum of squares: on the points, as coefficients.
    mean_u, mean_y = np.average(u, weights=w**2), np.average(y, weights=w**2)
    size, lever = np.linalg.norm(w), np.linalg.norm(w * (u - mean_u))
    on_points = np.column_stack([w / size, w * (u - mean_u) / lever])
    lines = np.column_stack([np.full(k, 1 / size), (abscissae - mean_u) / lever])
    slope = float(on_points[:, 1] @ (w * (y - mean_y))) / lever
    residuals = w * (y - mean_y - slope * (u - mean_u))
    # Curves of given f'' at the inner nodes (0 at the ends), by two sums; then less their line.
    first, bent = np.zeros((k - 1, k - 2)), np.zeros((k, k - 2))
    first[1:] = np.tril(np.broadcast_to((knots[4 : k + 2] - knots[2:k]) / 2, (k - 2, k - 2)))
    bent[1:] = np.cumsum((knots[4 : k + 3] - knots[1:k])[:, None] / 3 * first, axis=0)
    bent = bent[:, 1:-1] - lines @ ((on_points.T @ design) @ bent[:, 1:-1])
    gram = bent.T @ ((design.T @ design) @ bent)
    # f'' is linear between the nodes: the integral of its square.
    h = np.diff(nodes)
    penalty = np.diag((h[:-1] + h[1:]) / 3) + np.diag(h[1:-1] / 6, 1) + np.diag(h[1:-1] / 6, -1)
    smoothness, shapes = eigh(gram, penalty) if len(h) > 1 else (np.zeros(0), np.zeros((0, 0)))
    # Smoothest first. Modes that only tell all but coinciding points apart are left out.
    real = np.flatnonzero(smoothness > 1e-13 * smoothness.max(initial=0.0))[::-1]
    modes = np.hstack([lines, bent @ (shapes[:, real] / np.sqrt(smoothness[real]))])
    amplitudes = np.concatenate([[0.0, 0.0], (modes.T @ (design.T @ residuals))[2:]])
    rest = residuals - design @ (modes @ amplitudes) if modes.shape[1] < len(u) else np.zeros(1)
    return Modes(
        knots=knots,
        line=mean_y + slope * (abscissae - mean_u),
        modes=modes,
        roughness=np.concatenate([[0.0, 0.0], 1 / smoothness[real]]),
        amplitudes=amplitudes,
        rss_all=float(rest @ rest),
        total=float(np.sum((w * (y - mean_y)) ** 2)),
        n=len(u),
        noise=noise,
    )
