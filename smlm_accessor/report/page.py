"""The page, put together: what page.html.jinja shows."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor._version import __version__
from smlm_accessor.assess import Assessment
from smlm_accessor.display.pages import render_page
from smlm_accessor.display.svg_chart import number
from smlm_accessor.drift import components_of, drift_of, is_shift_only
from smlm_accessor.drift.local import is_local
from smlm_accessor.images.bins import BinGrid, nice_length
from smlm_accessor.images.counting import TableExtent
from smlm_accessor.models import Drift, DriftModel, transformations_of
from smlm_accessor.plot.style import written_unit
from smlm_accessor.report.drift_chart import drift_chart
from smlm_accessor.report.field_chart import field_chart
from smlm_accessor.report.frc_chart import frc_chart
from smlm_accessor.report.tables import history_rows, parameters
from smlm_accessor.report.views import ImagePair, ImagePairs
from smlm_accessor.report.words import VERDICTS, in_unit, measures
from smlm_accessor.table.clock import Clock

_SCALES = 1e-6  # relative change of lengths that is said
_BAR = 1 / 6  # of the width, a scale bar is no longer than twice that
_NAMES = ("The whole field", "Part of the field", "Where structure is sharpest")


@dataclass(frozen=True)
class PageFacts:
    """What the page says of the table."""

    title: str
    when: datetime
    extent: TableExtent
    precision: float | None
    unit: str | None
    clock: Clock
    steps: Sequence[Any]
    notes: Sequence[str]


def page(
    facts: PageFacts,
    drift: Drift,
    found: Assessment | None,
    pairs: ImagePairs,
    *,
    by: str | None,
    outside: str | None,
    field: xr.Dataset | None = None,
) -> str:
    """Return the page as HTML that needs no other file; ``field`` is a map of what is left."""
    from markupsafe import Markup

    source = transformations_of(drift)
    verdict = found.verdict if found else "not judged"
    frc = frc_chart(found) if found else None
    return render_page(
        Path(__file__).with_name("page.html.jinja"),
        facts=facts,
        found=found,
        verdict=verdict,
        says=VERDICTS[verdict],
        how_far=_how_far(source, verdict),
        items=_items(facts, pairs.frames, source),
        figures=[_figure(i, pairs.pairs, facts.unit) for i in range(len(pairs.pairs))],
        times=[facts.clock.text(frame, thousands=True) for frame in pairs.frames],
        counts="time" if facts.clock.is_time else "frames",
        gradient=_gradient(pairs.colors),
        drift_text=_drift_text(drift),
        drift_chart=Markup(drift_chart(drift, by)),
        field_chart=None if field is None else Markup(field_chart(field)),
        field_says=None if field is None else field.attrs["summary"],
        frc_chart=None if frc is None else Markup(frc),
        measures=measures(found) if found else [],
        parameters=parameters(drift, by, outside),
        history=history_rows(facts.steps),
    )


def _items(facts: PageFacts, frames: tuple[int, int], source: xr.Dataset) -> dict[str, str]:
    """Return the facts at the top by their names; those that are not known are empty."""
    extent, clock = facts.extent, facts.clock
    missing = extent.n_rows - extent.n_located
    n_chunks, n_valid = source.sizes["chunk"], int(source["valid"].sum())
    registered = "" if n_valid == n_chunks else f", {number(n_valid)} registered"
    return {
        "Localizations": number(extent.n_rows)
        + (f", {number(missing)} without position" if missing else ""),
        "Time" if clock.is_time else "Frames": clock.bare(*frames, thousands=True),
        "Method": str(source.attrs.get("method", "not known")),
        "Chunks": f"{number(n_chunks)}{registered}",
        "Precision": in_unit(f"{facts.precision:.3g}", facts.unit) if facts.precision else "",
        "Length unit": written_unit(facts.unit) or "not known",
        "Version": f"smlm_accessor {__version__}",
        "Date": f"{facts.when:%d %B %Y, %H:%M}".lstrip("0"),
    }


def _how_far(source: xr.Dataset, verdict: str) -> str:
    """Return how far the sample moved, in words; as a fact only if that has been confirmed."""
    moved = drift_of(source).values[source["valid"].values.astype(bool)]
    if len(moved) < 2:
        return ""
    unit = source.attrs.get("length_unit")
    each = [
        f"{in_unit(number(float(f'{size:.3g}')), unit)} in {axis}"
        for axis, size in zip(components_of(source), np.ptp(moved, axis=0), strict=True)
    ]
    says = "The sample drifted by" if verdict == "improved" else "This drift is"
    return f"{says} up to {', '.join(each[:-1])} and {each[-1]}."


def _drift_text(drift: Drift) -> str:
    source = transformations_of(drift)
    text = "What the sample did, chunk by chunk"
    text += ", and the model that was fitted to it." if isinstance(drift, DriftModel) else "."
    if not is_shift_only(source):
        matrix = source["matrix"].values[source["valid"].values.astype(bool)][:, :2, :2]
        angle = np.arctan2(matrix[:, 1, 0] - matrix[:, 0, 1], matrix[:, 0, 0] + matrix[:, 1, 1])
        scale = np.sqrt(np.abs(np.linalg.det(matrix)))
        text += (
            f" The correction also turns the table in x and y, over {np.ptp(angle) * 1e3:.3g} mrad"
        )
        if np.abs(scale - 1).max() > _SCALES:
            text += f", and scales it, by {scale.min():.5g} to {scale.max():.5g}"
        text += "; the drift is that of the centre of the field."
    if is_local(source):
        text += " The correction differs over the field; the drift is its mean."
    return text


def _figure(i: int, pairs: Sequence[ImagePair], unit: str | None) -> dict[str, Any]:
    """Return what the page shows of a pair of images; lengths on the page as parts of the image."""
    pair = pairs[i]
    grid, field = pair.region.grid, pairs[0].region.grid
    left, bottom = (grid.corner - field.corner) / field.size
    width, height = grid.size / field.size
    before, after, *by_time = (
        f"data:image/png;base64,{b64encode(png).decode()}" for png in (*pair.images, *pair.by_time)
    )
    bar, bar_width = _scale_bar(float(grid.size[0]), unit)
    rows, columns = grid.shape
    return {
        "number": i,
        "name": _NAMES[i],
        "rows": rows,
        "columns": columns,
        "ratio": f"{grid.size[0] / grid.size[1]:.4f}",
        "box": f"left:{left:.2%};bottom:{bottom:.2%};width:{width:.2%};height:{height:.2%}",
        "size": _size_text(grid, unit),
        "bar": bar,
        "bar_width": bar_width,
        "before": before,
        "after": after,
        "by_time": dict(zip(("before", "after"), by_time, strict=False)),
    }


def _scale_bar(width: float, unit: str | None) -> tuple[str, str]:
    """Return what is written at the scale bar, and its width."""
    length = nice_length(width * _BAR)
    if length > 2 * width * _BAR:
        length = length / 2
    text = in_unit(number(length), unit)
    if unit == "nm" and length >= 1000:
        text = in_unit(number(length / 1000), "um")
    return text, f"{length / width:.3%}"


def _size_text(grid: BinGrid, unit: str | None) -> str:
    sides = grid.size
    if unit == "nm" and max(sides) >= 10_000:
        sides, unit = sides / 1000, "um"
    return in_unit(" × ".join(number(float(f"{side:.3g}")) for side in sides), unit)


def _gradient(colors: FloatArray) -> str:
    """Return the colours of single times, as they are drawn."""
    found = []
    for when in np.linspace(-1, 1, 9):
        color = np.array([max(-when, 0), 1 - abs(when), max(when, 0)]) @ colors
        red, green, blue = (255 * color / color.max()).round().astype(int)
        found.append(f"rgb({red},{green},{blue})")
    return ",".join(found)
