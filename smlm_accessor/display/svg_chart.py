"""A chart in SVG without any plotting library: for pages, and for notebooks.

A page stretches the drawing to its width, but not lines and dots, and has the numbers beside it as
text of their own size: so a chart can be read on a telephone. A notebook gets one picture of fixed
proportions. Text and lines take the colour of the page, light or dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray
from smlm_accessor.display import tables
from smlm_accessor.images.bins import nice_length
from smlm_accessor.kernels.time_series.steps import runs

# For x, y, z and more. Distinct for colour-blind readers: M. Okabe and K. Ito, Color Universal
# Design (2008); and a grey. The first three have a contrast of 3 : 1 on white and on dark grey.
COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#000000",
    "#999999",
    "#F0E442",
)

_SIDE = 1000  # of the drawing, in its own units
_TICKS = 5
_WIDE, _HIGH = 640, 190  # of the picture for notebooks, in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 628, 22, 164  # of the drawing in it
_LINE = 'fill="none" vector-effect="non-scaling-stroke" '
_MARGIN = 0.05  # of the range of values, above and below


@dataclass
class Chart:
    """A drawing in the making.

    Of more than twice as many values of a line as there are bins, only the lowest and the highest
    of each bin are drawn; of a band one in each.
    """

    x: tuple[float, float]  # at the edges
    y: tuple[float, float]
    bins: int = 500
    _shapes: list[str] = field(default_factory=list)

    def line(self, x: npt.ArrayLike, y: npt.ArrayLike, color: str, *, width: float = 1.6) -> None:
        """Draw a line, interrupted where there is no value."""
        parts = [f"M{_joined(run)}{'h0' * (len(run) == 1)}" for run in self._runs(x, y)]
        self._path("".join(parts), color, width)

    def dots(self, x: npt.ArrayLike, y: npt.ArrayLike, color: str, *, size: float = 5) -> None:
        """Draw a dot at each point."""
        path = "".join(f"M{_joined([at])}h0" for run in self._runs(x, y) for at in run)
        self._path(path, color, size, 'class="dots" stroke-opacity="0.7" ')

    def bars(self, x: npt.ArrayLike, low: FloatArray, high: FloatArray, color: str) -> None:
        """Draw an upright line from low to high at each x."""
        ends = np.column_stack([self._across(x), self._up(low), self._up(high)])
        known = ends[np.isfinite(ends).all(axis=1)]
        path = "".join(f"M{_joined([(a, b)])}V{_number(t)}" for a, b, t in known)
        self._path(path, color, 1, 'stroke-opacity="0.6" ')

    def band(self, x: npt.ArrayLike, low: FloatArray, high: FloatArray, color: str) -> None:
        """Fill the space between two lines, interrupted where one has no value."""
        across, bottom, top = self._across(x), self._up(low), self._up(high)
        path = ""
        for run in runs(np.isfinite(bottom) & np.isfinite(top)):
            step = -(-len(run) // self.bins)
            there = np.column_stack([across[run], top[run]])[::step]
            back = np.column_stack([across[run], bottom[run]])[::step][::-1]
            path += f"M{_joined(np.concatenate([there, back]))}Z"
        self._add('class="band" fill-opacity="0.22" ', path, f'fill="{color}"')

    def upright(self, x: float, kind: str) -> None:
        """Draw a dashed upright line over the whole height."""
        self._dashed(f"M{_number(float(self._across(x)))},0V{_SIDE}", kind)

    def level(self, y: float, kind: str) -> None:
        """Draw a dashed level line over the whole width, if it is in sight."""
        if self.y[0] <= y <= self.y[1]:
            self._dashed(f"M0,{_number(float(self._up(y)))}H{_SIDE}", kind)

    def strip(self, start: float, stop: float, meaning: str) -> None:
        """Mark a part of the x axis along the bottom."""
        left, right = float(self._across(start)), float(self._across(stop))
        self._shapes.append(
            f'<rect class="strip" x="{_number(left)}" y="{_SIDE - 25}" '
            f'width="{_number(max(right - left, 2.0))}" height="25" fill="currentColor">'
            f"<title>{escape(meaning)}</title></rect>"
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
        """Return the chart as a figure of a page.

        ``says`` is what it shows, for those who do not see it; ticks are where on the axis, and
        what is written there; a legend has the mark-up of a sample, and its meaning.
        """
        across = ticks(*self.x) if x_ticks is None else x_ticks
        numbers = [
            f'<span class="tick x" style="left:{self._across(x) / _SIDE:.3%}">{escape(text)}</span>'
            for x, text in across
        ] + [
            f'<span class="tick y" style="top:{self._up(y) / _SIDE:.3%}">{escape(text)}</span>'
            for y, text in ticks(*self.y)
        ]
        keys = "".join(f"<li>{sample}{escape(meaning)}</li>" for sample, meaning in legend)
        return (
            f'<figure class="chart"><ul class="legend">{keys}</ul>'
            f'<p class="axis">{escape(y_name)}</p><div class="plot">'
            f'<svg viewBox="0 0 {_SIDE} {_SIDE}" preserveAspectRatio="none" role="img" '
            f'aria-label="{escape(says)}">{self._drawing()}</svg>{"".join(numbers)}'
            f'</div><p class="axis below">{escape(x_name)}</p></figure>'
        )

    def svg(self, *, says: str, x_name: str, y_name: str, names: Sequence[str]) -> str:
        """Return the chart as a picture of fixed proportions; ``names`` have the first colours."""
        wide, high = _RIGHT - _LEFT, _BOTTOM - _TOP
        texts = [
            _text(_LEFT + float(self._across(x)) / _SIDE * wide, _BOTTOM + 16, text, "middle")
            for x, text in ticks(*self.x)
        ] + [
            _text(_LEFT - 6, _TOP + float(self._up(y)) / _SIDE * high + 4, text, "end")
            for y, text in ticks(*self.y)
        ]
        texts += [_text(4, 13, y_name, "start"), _text(4, _HIGH - 10, x_name, "start")]
        named = "".join(
            f'<tspan fill="{color}" font-weight="bold" dx="8">{escape(name)}</tspan>'
            for name, color in zip(names, COLORS, strict=False)
        )
        scale = f"scale({wide / _SIDE:g} {high / _SIDE:g})"
        place = f'transform="translate({_LEFT} {_TOP}) {scale}" '
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" width="{_WIDE}"'
            ' style="max-width:100%;height:auto;background:none" role="img" '
            f'font-family="sans-serif" font-size="11" fill="currentColor" '
            f'aria-label="{escape(says)}">{self._drawing(place)}{"".join(texts)}'
            f'<text x="{_RIGHT}" y="13" text-anchor="end">{named}</text></svg>'
        )

    def _drawing(self, place: str = "") -> str:
        grid = "".join(f"M0,{_number(float(self._up(y)))}H{_SIDE}" for y, _ in ticks(*self.y))
        return (
            f'<g {place}stroke-linejoin="round" stroke-linecap="round"><path class="grid" {_LINE}'
            f'd="{grid}" stroke="currentColor" stroke-opacity="0.2"/>{"".join(self._shapes)}</g>'
        )

    def _add(self, start: str, path: str, end: str, inner: str = "") -> None:
        if path:
            close = f">{inner}</path>" if inner else "/>"
            self._shapes.append(f'<path {start}d="{path}" {end}{close}')

    def _path(self, path: str, color: str, width: float, more: str = "") -> None:
        self._add(_LINE + more, path, f'stroke="{color}" stroke-width="{width:g}"')

    def _dashed(self, path: str, kind: str) -> None:
        end = 'stroke="currentColor" stroke-opacity="0.6" stroke-dasharray="5 5"'
        self._add(f'class="{kind}" {_LINE}', path, end, f"<title>{kind}</title>")

    def _runs(self, x: npt.ArrayLike, y: npt.ArrayLike) -> list[FloatArray]:
        """Return the points of each run of known values, few of them if they are many."""
        points = np.column_stack([self._across(x), self._up(y)])
        known = np.asarray(np.isfinite(points).all(axis=1))
        return [_extremes(points[run], self.bins) for run in runs(known)]

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
    return tables.number(value, 6).replace("-", "−")


def limits(*values: npt.ArrayLike) -> tuple[float, float]:
    """Return the range of values that are finite, a little wider."""
    every = np.concatenate([np.ravel(np.asarray(v, dtype=np.float64)) for v in values])
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 0.0)
    most = max(abs(low), abs(high))
    flat = high - low <= 1e-9 * most
    margin = max(0.1 * most if flat else _MARGIN * (high - low), 1e-300)
    return (low - margin, high + margin) if most else (-1.0, 1.0)


def _extremes(points: FloatArray, bins: int) -> FloatArray:
    """Return the lowest and the highest point of each bin in order, all points if they are few."""
    if len(points) <= 2 * bins:
        return points
    parts = np.array_split(np.arange(len(points)), bins)
    kept = [part[np.sort([points[part, 1].argmin(), points[part, 1].argmax()])] for part in parts]
    return np.asarray(points[np.unique(np.concatenate(kept))])


def _joined(points: npt.ArrayLike) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in np.asarray(points))


def _number(value: float) -> str:
    return f"{value:.4g}"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill-opacity="0.8">'
        f"{escape(text)}</text>"
    )
