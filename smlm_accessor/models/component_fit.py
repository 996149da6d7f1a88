"""The fit of one component: a curve over frames, and how sure it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import OptionError
from smlm_accessor.models.chunk_series import ChunkSeries
from smlm_accessor.models.specs import Spline

if TYPE_CHECKING:
    from smlm_accessor.kernels.splines.smoothing_spline import SmoothingSpline

Within = tuple[float, float]


@dataclass(frozen=True, eq=False)
class ComponentFit(ABC):
    """A model fitted to one component: what was fitted, such as ``"offset x"``, and ``"spline"``.

    Parameters
    ----------
    name : str
        What was fitted, such as ``"offset x"``.
    kind : str
        The model, such as ``"spline"``.
    n_needed : int
        Chunks that the model needs at least.
    result : ModelResult, SmoothingSpline or None
        That of lmfit, or the spline; of segments, a tuple of those of each.

    Examples
    --------
    >>> import smlm_accessor
    >>> locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
    >>> fitted = locs.smlm.simulate_drift(velocity=(0.02, 0)).smlm.drift(method="cc").smlm.fit()
    >>> fitted.offset["x"].name, fitted.offset["x"].kind
    ('offset x', 'spline')
    """

    name: str
    kind: str
    n_needed: int
    result: Any

    @abstractmethod
    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Evaluate the curve; it goes on linearly outside the frames ``within`` which it holds."""

    @abstractmethod
    def std(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Return one standard deviation of the curve, but for the constant that nobody can know.

        By what is known of the chunks or by their residuals, whichever is more; NaN where the
        chunks have no standard deviation and leave no residual to tell. Parameters as of `eval`.
        """

    @abstractmethod
    def figures(self) -> dict[str, str]:
        """Return the key figures of the fit, as text."""


@dataclass(frozen=True, eq=False)
class UncorrectedFit(ComponentFit):
    """No model: 0, or the entry of the identity matrix."""

    value: float = 0.0

    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Return the one value."""
        return np.full(len(frames), self.value)

    def std(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Return zeros."""
        return np.zeros(len(frames))

    def figures(self) -> dict[str, str]:
        """Return nothing."""
        return {}


@dataclass(frozen=True, eq=False)
class SplineFit(ComponentFit):
    """A cubic smoothing spline, which is a straight line outside the chunks' mean frames."""

    result: SmoothingSpline
    widened: float = 1.0

    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Evaluate the spline."""
        return self.result(frames)

    def std(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Posterior standard deviation."""
        return self.widened * self.result.std(frames)

    def figures(self) -> dict[str, str]:
        """Effective degrees of freedom, share of variance, weighted sum of squares."""
        return {"edf": f"{self.result.edf:.3g}"} | fit_quality(self.result.rss, self.result.total)


def fit_spline(spec: Spline, series: ChunkSeries, kind: str) -> SplineFit:
    """Fit a smoothing spline to one component."""
    from smlm_accessor.kernels.splines.smoothing_spline import smoothing_spline

    try:
        spline = smoothing_spline(
            series.frames, series.values, weights=series.weights, s=spec.s, noise=series.noise
        )
    except ValueError as error:
        raise OptionError(f"{series.name}: {error}") from error
    return SplineFit(series.name, kind, 1, spline, series.widened(spline.edf))


def fit_quality(rss: float, total: float) -> dict[str, str]:
    """Return the share of the variance explained, if there is any, and chi-square."""
    share = {"R^2": f"{1 - rss / total:.5f}"} if total > 0 else {}
    return share | {"chi-square": f"{rss if rss > 1e-24 * total else 0:.4g}"}


def continued(
    function: Callable[[FloatArray], FloatArray], frames: FloatArray, within: Within | None
) -> FloatArray:
    """Evaluate a function of frames, going on along its tangents outside ``within``."""
    if within is None:
        return function(frames)
    at = np.clip(frames, *within)
    values, beyond = function(at), frames - at
    step = min(1.0, (within[1] - within[0]) / 2)
    for edge, inward, out in ((within[0], 1, beyond < 0), (within[1], -1, beyond > 0)):
        if out.any() and step > 0:
            three = function(edge + inward * step * np.arange(3.0))
            slope = inward * (-3 * three[0] + 4 * three[1] - three[2]) / (2 * step)
            values[out] += np.multiply.outer(beyond[out], slope)
    return values
