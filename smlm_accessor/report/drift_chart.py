"""The chart of drift over frames, with its legend."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor.display.drift_chart import draw_drift, time_axis
from smlm_accessor.display.svg_chart import COLORS
from smlm_accessor.drift.curves import MANY, Curves, curves_of
from smlm_accessor.drift.times import clock_of
from smlm_accessor.models import Drift, DriftModel, removed_drift, transformations_of
from smlm_accessor.plot.style import with_unit


def drift_chart(drift: Drift, by: str | None) -> str:
    """Return the chart: chunks, their band, and the curve that is removed."""
    is_model, source = isinstance(drift, DriftModel), transformations_of(drift)
    chunks = drift.chunk_curves() if isinstance(drift, DriftModel) else curves_of(source)
    curve = removed_drift(drift, by=by) if source["valid"].any() else None
    start, stop = int(source["frame_start"][0]), int(source["frame_stop"][-1])
    time, span = time_axis(source), clock_of(source).span(start, stop)
    unit = source.attrs.get("length_unit")
    spread = np.ptp(np.nan_to_num(chunks.values), axis=0)
    each = ", ".join(f"{axis} {size:.3g}" for axis, size in zip(chunks.names, spread, strict=True))
    return draw_drift(source, chunks, curve).html(
        says=f"Drift over {span}; largest minus smallest: {each} "
        f"{unit or 'in the unit of the table'}",
        x_name=with_unit(time.name, time.unit),
        y_name=with_unit("Drift", unit),
        legend=_legend(source, chunks, curve, is_model=is_model),
    )


def _legend(
    source: xr.Dataset, chunks: Curves, curve: Curves | None, *, is_model: bool
) -> list[tuple[str, str]]:
    keys = [
        (f'<i class="key" style="background:{color}"></i>', axis)
        for axis, color in zip(chunks.names, COLORS, strict=False)
    ]
    band = curve if curve is not None and is_model else chunks
    explained = {
        "dot": ("chunk", is_model or source.sizes["chunk"] <= MANY),
        "": ("model" if is_model else "removed by the correction", curve is not None),
        "wide": ("one standard deviation", np.isfinite(band.std).any()),
        "jump": ("jump of the stage", len(chunks.jumps) > 0),
        "strip": ("not registered", not source["valid"].all()),
    }
    return keys + [
        (f'<i class="{f"key {kind}".strip()}"></i>', meaning)
        for kind, (meaning, shown) in explained.items()
        if shown
    ]
