"""A component that is continuous within segments of the movie, and free between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.models.components import ComponentFit, Within
from smlm_accessor.models.specs import Constant, Linear, Polynomial, Spec, Uncorrected, label
from smlm_accessor.models.tracks import Track


@dataclass(frozen=True, eq=False)
class SegmentedFit(ComponentFit):
    """One fit for each segment."""

    parts: tuple[ComponentFit, ...]
    jumps: IntArray  # first frame of each segment but the first

    @property
    def result(self) -> tuple[Any, ...]:
        """The result of each segment."""
        return tuple(part.result for part in self.parts)

    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Evaluate at each frame the fit of its segment."""
        return self._each(frames, within, lambda part, at, ends: part.eval(at, ends))

    def std(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """One standard deviation of the fit of the segment that each frame is in."""
        return self._each(frames, within, lambda part, at, ends: part.std(at, ends))

    def figures(self) -> dict[str, str]:
        """Key figures of each segment, with bars between."""
        each = [part.figures() for part in self.parts]
        names = dict.fromkeys(name for figures in each for name in figures)
        return {name: " | ".join(figures.get(name, "-") for figures in each) for name in names}

    def _each(
        self,
        frames: FloatArray,
        within: Within | None,
        value: Callable[[ComponentFit, FloatArray, Within | None], FloatArray],
    ) -> FloatArray:
        result = np.empty(len(frames))
        segment = np.searchsorted(self.jumps, frames, side="right")
        for k in np.unique(segment):
            rows = segment == k
            result[rows] = value(self.parts[k], frames[rows], within)
        return result


def fit_in_segments(
    fit: Callable[[Spec, Track], ComponentFit], spec: Spec, track: Track, jumps: IntArray
) -> ComponentFit:
    """Fit a model to each segment of a track.

    Where a segment has too few chunks for a line or a polynomial, it gets one of lower degree;
    where it has none, the fit of the segment before, or else of the first that has any.

    Parameters
    ----------
    fit : callable
        Fits a model to a track.
    spec : Spec
    track : Track
    jumps : ndarray
        First frame of each segment but the first.
    """
    fixed = isinstance(spec, Uncorrected) or (isinstance(spec, Constant) and spec.value is not None)
    if fixed or not len(jumps):
        return fit(spec, track)
    segment = np.searchsorted(jumps, track.frames, side="right")
    parts: list[ComponentFit | None] = []
    for k in range(len(jumps) + 1):
        rows = segment == k
        if not rows.any():
            parts.append(parts[-1] if parts else None)
            continue
        weights = None if track.weights is None else track.weights[rows]
        part = track._replace(
            name=f"{track.name}, segment {k}",
            frames=track.frames[rows],
            values=track.values[rows],
            weights=weights,
        )
        parts.append(fit(_within_reach(spec, int(rows.sum())), part))
    first = next(part for part in parts if part is not None)
    found = tuple(first if part is None else part for part in parts)
    n_needed = max(part.n_needed for part in found)
    return SegmentedFit(track.name, label(spec), n_needed, found, jumps)


def _within_reach(spec: Spec, n_chunks: int) -> Spec:
    """Return the model, or one that so few chunks can tell."""
    degree = 1 if isinstance(spec, Linear) else getattr(spec, "degree", 0)
    if not isinstance(spec, Linear | Polynomial) or n_chunks > degree:
        return spec
    if n_chunks == 1:
        return Constant()
    return Linear() if n_chunks == 2 else Polynomial(n_chunks - 1)
