"""The error that hardly any drift estimate can beat.

The oracle is told where every emitter is and when the sample jumps. What it then sees of the drift
in a short window of frames is the mean over the localizations of that window, with the error of one
localization over the square root of their number. It smooths these means, between the jumps, by the
best of random walks (first order) and integrated random walks (second order) of all strengths; the
best against the truth. It is not told that there is no drift: it is at least as far off as a
straight line in each segment between jumps.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solveh_banded

if TYPE_CHECKING:
    from samples import Simulated

Floats = NDArray[np.float64]

MOST_WINDOWS = 4_000
STRENGTHS = np.logspace(-9, 9, 55)  # of the prior, over the median information of a window
DRAWS = 20  # of the localization errors
# Of the median information; so that a segment with hardly a localization can be solved for.
RIDGE = 1e-9


@dataclass(frozen=True)
class Bound:
    """Error per axis, and the order of the smoother that reaches it (0: straight lines)."""

    rmse: dict[str, float]
    order: dict[str, int]


def bound(case: Simulated, *, jumps: Sequence[int] = (), seed: int = 0) -> Bound:
    """Return the root mean square error of the oracle over all localizations.

    A constant is removed first. Axes along which the precision is not known are left out.

    Parameters
    ----------
    case : Simulated
    jumps : sequence of int
        The first frame after each jump.
    seed : int
        Of the localization errors.
    """
    frames = case.table["frame"].to_numpy()
    rng = np.random.default_rng(seed)
    rmse, order = {}, {}
    for axis, precision in zip("xyz", case.precision, strict=False):
        drift = case.table[axis].to_numpy(dtype=float) - case.truth[axis].to_numpy(dtype=float)
        information = (1 - case.background) / precision**2
        rmse[axis], order[axis] = best_smoother(frames, drift, information, jumps=jumps, rng=rng)
    return Bound(rmse, order)


def best_smoother(
    frames: NDArray[np.int64],
    drift: Floats,
    information: ArrayLike,
    *,
    rng: np.random.Generator,
    jumps: Sequence[int] = (),
) -> tuple[float, int]:
    """Return the error of the best smoother along one axis, and its order.

    Parameters
    ----------
    frames, drift : ndarray
        Frame of each localization, and the true drift in it.
    information : float or array_like
        One over the variance of each localization.
    rng : numpy.random.Generator
        Draws the localization errors.
    jumps : sequence of int
        The first frame after each jump.
    """
    windows = Windows.of(frames, drift, np.broadcast_to(information, len(frames)), jumps)
    std = np.divide(
        1,
        np.sqrt(windows.information),
        out=np.zeros(len(windows.middle)),
        where=windows.information > 0,
    )
    seen = windows.mean[:, None] + rng.standard_normal((len(std), DRAWS)) * std[:, None]
    found = [(windows.error(windows.lines(seen)), 0)]
    typical = float(np.median(windows.information[windows.information > 0]))
    for strength in STRENGTHS:
        for order in (1, 2):
            smooth = windows.smooth(seen, strength * typical, order, RIDGE * typical)
            if smooth is not None:
                found.append((windows.error(smooth), order))
    return max(min(found), (windows.least_error(), 0))


@dataclass(frozen=True, eq=False)
class Windows:
    """Short windows of frames, and how an error in them adds up over the localizations.

    The estimate is interpolated between the middles of the windows, but not across a jump. Its
    error, squared and summed over localizations, is a quadratic form of the errors in the windows:
    tridiagonal, since interpolation needs two of them.
    """

    start: NDArray[np.int64]
    middle: Floats
    segment: NDArray[np.int64]
    information: Floats
    mean: Floats
    diagonal: Floats
    beside: Floats
    gradient: Floats
    constant: float
    weight: Floats
    total: float
    n: int

    @classmethod
    def of(
        cls,
        frames: NDArray[np.int64],
        drift: Floats,
        information: Floats,
        jumps: Sequence[int],
        *,
        most: int = MOST_WINDOWS,
    ) -> Windows:
        """Cut the frames into windows of equal length, at most so many, and at jumps."""
        first = frames.min()
        frames = frames - first
        n_frames = int(frames.max()) + 1
        after = np.unique(np.asarray(jumps, dtype=np.int64) - first)
        after = after[(after > 0) & (after < n_frames)]
        length = -(-n_frames // most)
        start = np.union1d(np.arange(0, n_frames, length), after)
        middle = (start + np.append(start[1:], n_frames) - 1) / 2
        segment = np.searchsorted(after, start, side="right")

        counts = np.bincount(frames, minlength=n_frames)
        in_frame = np.bincount(frames, drift, n_frames) / np.maximum(counts, 1)
        window = np.searchsorted(start, frames, side="right") - 1
        total = np.bincount(window, information, len(start))
        mean = np.bincount(window, information * drift, len(start))
        mean = np.divide(mean, total, out=np.zeros(len(start)), where=total > 0)

        time = np.arange(n_frames)
        low = np.clip(np.searchsorted(middle, time, side="right") - 1, 0, max(len(start) - 2, 0))
        high = np.minimum(low + 1, len(start) - 1)
        share = np.clip((time - middle[low]) / np.maximum(middle[high] - middle[low], 1), 0, 1)
        cut = segment[low] != segment[high]
        share[cut] = time[cut] >= start[high[cut]]
        left = (1 - share) * mean[low] + share * mean[high] - in_frame

        def spread(of_frames: Floats) -> Floats:
            lower = np.bincount(low, (1 - share) * of_frames, len(start))
            return lower + np.bincount(high, share * of_frames, len(start))

        return cls(
            start=first + start,
            middle=middle,
            segment=segment,
            information=total,
            mean=mean,
            diagonal=np.bincount(low, (1 - share) ** 2 * counts, len(start))
            + np.bincount(high, share**2 * counts, len(start)),
            beside=np.bincount(low, share * (1 - share) * counts, len(start))[:-1],
            gradient=spread(counts * left),
            constant=float(np.sum(counts * left**2)),
            weight=spread(counts.astype(float)),
            total=float(np.sum(counts * left)),
            n=len(frames),
        )

    def of_rows(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the window of each frame."""
        return np.searchsorted(self.start, frames, side="right") - 1

    def line_columns(self) -> Floats:
        """Return a constant and a slope for each segment between jumps, as columns."""
        columns = []
        for number in np.unique(self.segment):
            inside = (self.segment == number).astype(float)
            columns += [inside, inside * (self.middle - self.middle.mean())]
        return np.stack(columns, axis=1)

    def error(self, estimate: Floats) -> float:
        """Return the root mean square error over localizations and draws, a constant removed."""
        off = estimate - self.mean[:, None]
        squares = self.diagonal @ off**2 + 2 * self.beside @ (off[:-1] * off[1:])
        squares += 2 * self.gradient @ off + self.constant
        constant = (self.weight @ off + self.total) / self.n
        return float(np.sqrt(np.maximum(squares / self.n - constant**2, 0).mean()))

    def lines(self, seen: Floats) -> Floats:
        """Return the straight lines that fit best between the jumps."""
        fitted = np.zeros_like(seen)
        for segment in np.unique(self.segment):
            inside = self.segment == segment
            time, weight = self.middle[inside], np.sqrt(self.information[inside])
            degree = min(1, np.count_nonzero(weight) - 1)
            if degree >= 0:
                line = np.polynomial.polynomial.polyfit(time, seen[inside], degree, w=weight)
                fitted[inside] = np.polynomial.polynomial.polyval(time, line).T
        return fitted

    def least_error(self) -> float:
        """Return the error of lines that are fitted to lines, by their number of parameters."""
        n_parameters = 2 * len(np.unique(self.segment)) - 1  # but for the constant
        return float(np.sqrt(n_parameters / self.information.sum()))

    def smooth(self, seen: Floats, strength: float, order: int, ridge: float) -> Floats | None:
        """Minimise information * (seen - d)**2 + strength * (differences of d)**2.

        Differences across a jump do not count. None if it is singular.
        """
        n = len(self.middle)
        if n <= order:
            return None
        inside = strength * (self.segment[order:] == self.segment[:-order])
        bands = np.zeros((order + 1, n))  # the upper ones, the diagonal last
        stencil = np.array([-1.0, 1.0] if order == 1 else [1.0, -2.0, 1.0])
        for lag in range(order + 1):
            for j in range(order + 1 - lag):
                bands[order - lag, j + lag : n - order + j + lag] += (
                    inside * stencil[j] * stencil[j + lag]
                )
        bands[order] += self.information + ridge
        try:
            return np.asarray(solveh_banded(bands, self.information[:, None] * seen))
        except np.linalg.LinAlgError:
            return None


if __name__ == "__main__":
    import cases

    for name in sys.argv[1:] or cases.CASES:
        print(name, bound(cases.simulate(name)))
