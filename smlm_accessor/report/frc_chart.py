"""The chart of Fourier ring correlation before and after."""

from __future__ import annotations

import numpy as np

from smlm_accessor.assess import Assessment
from smlm_accessor.display.svg_chart import COLORS, Chart, number
from smlm_accessor.kernels.correlation.frc import THRESHOLD
from smlm_accessor.plot.style import with_unit
from smlm_accessor.report.words import in_unit

_BEFORE, _AFTER = COLORS[1], COLORS[0]
_BEYOND = 2.5  # times the finest resolution is still shown
_LADDER = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_NEAR = 0.11  # of the width: numbers nearer than this would touch


def frc_chart(assessment: Assessment) -> str | None:
    """Return the chart; None if there are no curves."""
    curves = assessment.frc
    if curves is None or not np.isfinite(curves.before + curves.after).any():
        return None
    found = {"before": assessment.frc_before, "after": assessment.frc_after}
    last = float(curves.frequency[-1])
    known = [1 / length for length in found.values() if np.isfinite(length)]
    end = min(_BEYOND * max(known), last) if known else last
    chart = Chart((0.0, end), (-0.1, 1.05))
    chart.level(THRESHOLD, "threshold")
    seen = curves.frequency <= end
    for values, color, name in (
        (curves.before, _BEFORE, "before"),
        (curves.after, _AFTER, "after"),
    ):
        chart.line(curves.frequency[seen], values[seen], color, width=2)
        if np.isfinite(found[name]) and 1 / found[name] <= end:
            chart.dots([1 / found[name]], [THRESHOLD], color, size=9)
    unit = assessment.length_unit
    written = {
        name: in_unit(f"{length:.3g}", unit) if np.isfinite(length) else "no resolution found"
        for name, length in found.items()
    }
    return chart.html(
        says=f"Fourier ring correlation; resolution before: {written['before']}, after: "
        f"{written['after']}",
        x_name=with_unit("Size of detail", unit),
        y_name="Correlation of two halves of the frames",
        x_ticks=_sizes(end),
        legend=[
            (f'<i class="key" style="background:{_BEFORE}"></i>', f"before: {written['before']}"),
            (f'<i class="key" style="background:{_AFTER}"></i>', f"after: {written['after']}"),
            ('<i class="key threshold"></i>', "1/7"),
        ],
    )


def _sizes(end: float) -> list[tuple[float, str]]:
    """Return where round sizes of detail are on an axis of frequencies, coarse ones first."""
    power = int(np.floor(np.log10(1 / end)))
    steps = sorted(
        (float(f"{step}e{p}") for p in range(power - 1, power + 4) for step in _LADDER),
        reverse=True,
    )
    found: list[tuple[float, str]] = []
    previous = 0.0
    for size in steps:
        if previous + _NEAR * end <= 1 / size <= end:
            found.append((1 / size, number(size)))
            previous = 1 / size
    return found
