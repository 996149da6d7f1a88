"""A chart as inline SVG that fills the width it is given, with its numbers beside it as text.

The drawing is stretched, lines and dots are not, and the numbers keep their size: so a chart can be
read on a telephone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.images.bins import nice_length

_SIDE = 1000  # of the drawing, in its own units
_TICKS = 5


@dataclass
class Chart:
    """A drawing in the making.

    Parameters
    ----------
    x, y : tuple of float
        What is at the edges.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    _shapes: list[str] = field(default_factory=list)

    def line(
        self, x: npt.ArrayLike, y: npt.ArrayLike, color: str, *, width: float = 1.6, kind: str = ""
    ) -> None:
        """Draw a line, interrupted where there is no value."""
        path = " ".join(f"M{_joined(part)}" for part in self._parts(x, y))
        if path:
            self._add(f'<path class="line {kind}" d="{path}" stroke="{color}"', width)

    def dots(self, x: npt.ArrayLike, y: npt.ArrayLike, color: str, *, size: float = 5) -> None:
        """Draw a dot at each point."""
        points = np.concatenate([np.zeros((0, 2)), *self._parts(x, y)])
        path = "".join(f"M{px:.5g} {py:.5g}h0" for px, py in points)
        if path:
            self._add(f'<path class="line dots" d="{path}" stroke="{color}"', size)

    def bars(self, x: npt.ArrayLike, low: FloatArray, high: FloatArray, color: str) -> None:
        """Draw an upright line from low to high at each x."""
        at, bottom, top = self._across(x), self._up(low), self._up(high)
        known = np.isfinite(bottom + top)
        path = "".join(
            f"M{a:.5g} {b:.5g}V{t:.5g}"
            for a, b, t in zip(at[known], bottom[known], top[known], strict=True)
        )
        if path:
            self._add(f'<path class="line" d="{path}" stroke="{color}" opacity="0.6"', 1)

    def band(self, x: npt.ArrayLike, low: FloatArray, high: FloatArray, color: str) -> None:
        """Fill the space between two lines, interrupted where one has no value."""
        at, bottom, top = self._across(x), self._up(low), self._up(high)
        for run in _runs(np.isfinite(bottom) & np.isfinite(top)):
            there = np.column_stack([at[run], top[run]])
            back = np.column_stack([at[run], bottom[run]])[::-1]
            path = f"M{_joined(np.concatenate([there, back]))}Z"
            self._shapes.append(f'<path class="band" d="{path}" fill="{color}"/>')

    def upright(self, x: float, kind: str, color: str = "currentColor") -> None:
        """Draw an upright line over the whole height."""
        at = self._across(x)
        self._add(f'<path class="line {kind}" d="M{at:.5g} 0V{_SIDE}" stroke="{color}"', 1.2)

    def level(self, y: float, kind: str) -> None:
        """Draw a level line over the whole width."""
        at = self._up(y)
        self._add(f'<path class="line {kind}" d="M0 {at:.5g}H{_SIDE}" stroke="currentColor"', 1)

    def strip(self, start: float, stop: float) -> None:
        """Mark a part of the x axis along the bottom."""
        left, right = self._across(start), self._across(stop)
        wide = max(float(right - left), 2.0)
        self._shapes.append(
            f'<rect class="strip" x="{left:.5g}" y="{_SIDE - 25}" width="{wide:.5g}" height="25"/>'
        )

    def html(
        self,
        *,
        says: str,
        x_name: str,
        y_name: str,
        x_ticks: Sequence[tuple[float, str]] | None = None,
        legend: Sequence[tuple[str, str]] = (),
    ) -> str:
        """Return the chart.

        Parameters
        ----------
        says : str
            What it shows, for those who do not see it.
        x_name, y_name : str
        x_ticks : sequence of (float, str), optional
            Where on the axis, and what is written there; round numbers by default.
        legend : sequence of (str, str)
            Mark-up of a sample, and its meaning.
        """
        across = ticks(*self.x) if x_ticks is None else x_ticks
        up = ticks(*self.y)
        grid = "".join(f"M0 {self._up(y):.5g}H{_SIDE}" for y, _ in up)
        numbers = [
            f'<span class="tick x" style="left:{self._across(x) / _SIDE:.3%}">{escape(text)}</span>'
            for x, text in across
        ] + [
            f'<span class="tick y" style="top:{self._up(y) / _SIDE:.3%}">{escape(text)}</span>'
            for y, text in up
        ]
        keys = "".join(f"<li>{sample}{escape(meaning)}</li>" for sample, meaning in legend)
        return (
            f'<figure class="chart"><ul class="legend">{keys}</ul>'
            f'<p class="axis">{escape(y_name)}</p>'
            f'<div class="plot"><svg viewBox="0 0 {_SIDE} {_SIDE}" preserveAspectRatio="none" '
            f'role="img" aria-label="{escape(says)}">'
            f'<path class="grid" d="{grid}"/>{"".join(self._shapes)}</svg>{"".join(numbers)}</div>'
            f'<p class="axis below">{escape(x_name)}</p></figure>'
        )

    def _add(self, start: str, width: float) -> None:
        self._shapes.append(f'{start} stroke-width="{width:g}"/>')

    def _parts(self, x: npt.ArrayLike, y: npt.ArrayLike) -> list[FloatArray]:
        points = np.column_stack([self._across(x), self._up(y)])
        return [points[run] for run in _runs(np.asarray(np.isfinite(points).all(axis=1)))]

    def _across(self, x: npt.ArrayLike) -> FloatArray:
        start, stop = self.x
        return np.asarray((np.asarray(x, dtype=np.float64) - start) / (stop - start) * _SIDE)

    def _up(self, y: npt.ArrayLike) -> FloatArray:
        low, high = self.y
        return np.asarray((high - np.asarray(y, dtype=np.float64)) / (high - low) * _SIDE)


def ticks(start: float, stop: float) -> list[tuple[float, str]]:
    """Return about five round numbers between two others, and how they are written.

    Examples
    --------
    >>> ticks(-3, 4100)
    [(0.0, '0'), (1000.0, '1,000'), (2000.0, '2,000'), (3000.0, '3,000'), (4000.0, '4,000')]
    """
    step = nice_length((stop - start) / _TICKS)
    first = int(np.ceil(start / step - 1e-9))
    last = int(np.floor(stop / step + 1e-9))
    return [(n * step, number(n * step)) for n in range(first, last + 1)]


def number(value: float) -> str:
    """Write a number of up to six digits as people do.

    Examples
    --------
    >>> number(-1234.5), number(0.25)
    ('−1,234.5', '0.25')
    """
    text = f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return text.replace("-", "−")


def limits(*values: npt.ArrayLike, least: float) -> tuple[float, float]:
    """Return the range of values that are finite, a little wider, and no smaller than ``least``."""
    every = np.concatenate([np.ravel(np.asarray(v, dtype=np.float64)) for v in values])
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 0.0)
    missing = max(least - (high - low), 0.0)
    margin = 0.06 * max(high - low, least) + missing / 2
    return low - margin, high + margin


def _runs(known: BoolArray) -> list[slice]:
    """Return the runs of successive values that are known."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [slice(a, b) for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)]


def _joined(points: FloatArray) -> str:
    return " ".join(f"{x:.5g},{y:.5g}" for x, y in points)
