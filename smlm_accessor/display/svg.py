"""A trace as a small svg, without any plotting library.

Text and lines take the colour of the page, and the curves one that shows on white and on black.
"""

from __future__ import annotations

from html import escape

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.display.traces import Trace
from smlm_accessor.images.bins import nice_length

# Blue, vermillion and green of Okabe and Ito (Color Universal Design, 2008), as in the figures; at
# least 3 : 1 against white and against the dark grey of notebooks.
COLORS = ("#0072B2", "#D55E00", "#009E73")

_WIDE, _HIGH = 640, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 628, 22, 164  # of the plot
_MOST = 160  # points that are drawn as they are; of more, lowest and highest of each bin
_BINS = 80
_MOST_MARKS = 50


def trace_svg(trace: Trace) -> str:
    """Return the drift over frames with a band of one standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([[0.0], [1.0]])
    >>> trace = Trace(("x",), np.array([0.0, 9.0]), values, values, (0, 10), [], [], "nm")
    >>> trace_svg(trace).startswith("<svg")
    True
    """
    place = _Place(trace)
    parts = [*_scales(trace, place), *_marks(trace, place)]
    groups = _groups(trace)
    for j, color in enumerate(COLORS[: len(trace.names)]):
        parts += _curve(trace, place, groups, j, color)
    named = "".join(
        f'<tspan fill="{color}" font-weight="bold" dx="8">{escape(name)}</tspan>'
        for name, color in zip(trace.names, COLORS, strict=False)
    )
    parts.append(f'<text x="{_RIGHT}" y="13" text-anchor="end" fill="currentColor">{named}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" width="{_WIDE}" '
        f'style="max-width:100%;height:auto;background:none" role="img" '
        f'font-family="sans-serif" font-size="11" aria-label="Drift over frames">'
        f"{''.join(parts)}</svg>"
    )


class _Place:
    """Where frames and drift lie on the picture."""

    def __init__(self, trace: Trace) -> None:
        std = np.where(np.isfinite(trace.std), trace.std, 0.0)
        shown = [trace.values - std, trace.values + std]
        if trace.dots is not None:
            shown.append(trace.dots)
        every = np.concatenate([part.ravel() for part in shown])
        every = every[np.isfinite(every)]
        low, high = (every.min(), every.max()) if len(every) else (-1.0, 1.0)
        spare = 0.04 * (high - low) or max(1.0, 0.1 * abs(high))
        self.low, self.high = float(low - spare), float(high + spare)
        self.first, self.stop = trace.ends

    def x(self, frame: FloatArray | float) -> FloatArray:
        span = max(self.stop - self.first, 1)
        return np.asarray(_LEFT + (np.asarray(frame) - self.first) / span * (_RIGHT - _LEFT))

    def y(self, value: FloatArray | float) -> FloatArray:
        span = self.high - self.low
        return np.asarray(_BOTTOM - (np.asarray(value) - self.low) / span * (_BOTTOM - _TOP))


def _scales(trace: Trace, place: _Place) -> list[str]:
    """Return ticks with their numbers, and the names of the axes."""
    lines, parts = [], []
    for value in _ticks(place.low, place.high, 4):
        y = f"{place.y(value):.1f}"
        lines.append(f"M{_LEFT},{y}H{_RIGHT}")
        parts.append(_text(_LEFT - 6, float(y) + 4, f"{value:,.10g}", "end"))
    for frame in _ticks(trace.ends[0], trace.ends[1] - 1, 6):
        x = f"{place.x(frame):.1f}"
        lines.append(f"M{x},{_BOTTOM}v4")
        parts.append(_text(float(x), _BOTTOM + 16, f"{frame:,.10g}", "middle"))
    unit = f" ({trace.unit})" if trace.unit else ""
    parts += [_text(4, 13, f"drift{unit}", "start"), _text(4, _HIGH - 10, "frame", "start")]
    path = "".join(lines)
    return [f'<path d="{path}" stroke="currentColor" stroke-opacity="0.2" fill="none"/>', *parts]


def _ticks(low: float, high: float, most: int) -> list[float]:
    step = nice_length(max(high - low, 1e-300) / most)
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)]


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="currentColor" '
        f'fill-opacity="0.8">{escape(text)}</text>'
    )


def _marks(trace: Trace, place: _Place) -> list[str]:
    """Return a bar along the bottom where chunks are not valid, and a line at each jump."""
    parts = []
    if trace.invalid:
        bars = {(int(place.x(a)), max(2, int(place.x(b) - place.x(a)))) for a, b in trace.invalid}
        path = "".join(f"M{x},{_BOTTOM - 2}h{wide}" for x, wide in sorted(bars))
        parts.append(
            f'<path d="{path}" stroke="currentColor" stroke-width="4">'
            "<title>not registered</title></path>"
        )
    if trace.jumps:
        path = "".join(f"M{float(place.x(f)):.1f},{_TOP}V{_BOTTOM}" for f in trace.jumps)
        parts.append(
            f'<path d="{path}" stroke="currentColor" stroke-opacity="0.5" stroke-dasharray="4 3">'
            "<title>jump</title></path>"
        )
    return parts


def _groups(trace: Trace) -> list[IntArray]:
    """Return points that are drawn together, none across a jump; few, however many points."""
    n = len(trace.frames)
    group = np.arange(n) if n <= _MOST else np.arange(n) * _BINS // n
    if len(trace.jumps) <= _MOST_MARKS:
        segment = np.searchsorted(trace.jumps, trace.frames, side="right")
        group = group + segment * n
    starts = np.flatnonzero(np.diff(group)) + 1
    return np.split(np.arange(n), starts) if n else []


def _curve(trace: Trace, place: _Place, groups: list[IntArray], j: int, color: str) -> list[str]:
    """Return the line, the band and the dots of one component."""
    x, values, std = place.x(trace.frames), trace.values[:, j], trace.std[:, j]
    runs: list[tuple[list[str], list[str], list[str]]] = [([], [], [])]  # line, lower, upper
    after = -1
    for group in groups:
        known = group[np.isfinite(values[group])]
        segment = int(np.searchsorted(trace.jumps, trace.frames[group[0]], side="right"))
        if segment != after or not len(known):
            runs.append(([], [], []))
            after = segment
        if not len(known):
            continue
        line, lower, upper = runs[-1]
        extremes = {int(known[values[known].argmin()]), int(known[values[known].argmax()])}
        line += [_at(x[i], place.y(values[i])) for i in sorted(extremes)]
        sure = known[np.isfinite(std[known])]
        if len(sure):
            middle = int(sure[len(sure) // 2])
            lower.append(_at(x[middle], place.y(values[middle] - std[middle])))
            upper.append(_at(x[middle], place.y(values[middle] + std[middle])))
    lines = "".join(f"M{' '.join(line)}" + "h0" * (len(line) == 1) for line, _, _ in runs if line)
    bands = "".join(f"M{' '.join([*lo, *up[::-1]])}Z" for _, lo, up in runs if len(lo) > 1)
    parts = []
    if bands:
        parts.append(f'<path d="{bands}" fill="{color}" fill-opacity="0.25"/>')
    if lines:
        parts.append(
            f'<path d="{lines}" fill="none" stroke="{color}" stroke-width="1.6" '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )
    if trace.dot_frames is not None and trace.dots is not None:
        seen = np.isfinite(trace.dots[:, j])
        at = zip(place.x(trace.dot_frames[seen]), place.y(trace.dots[seen, j]), strict=True)
        dots = "".join(f"M{_at(*point)}h0" for point in at)
        parts.append(
            f'<path d="{dots}" stroke="{color}" stroke-opacity="0.6" stroke-width="5" '
            'stroke-linecap="round"/>'
        )
    return parts


def _at(x: float, y: float | FloatArray) -> str:
    return f"{x:.1f},{float(y):.1f}"
