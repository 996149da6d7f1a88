"""The page, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor._version import __version__
from smlm_accessor.assess import Assessment
from smlm_accessor.display.svg_chart import number
from smlm_accessor.drift import components_of, drift_of, is_shift_only
from smlm_accessor.models import Drift, DriftModel, transformations_of
from smlm_accessor.plot.style import written_unit
from smlm_accessor.report.comparison import by_time, comparisons
from smlm_accessor.report.drift_chart import drift_chart
from smlm_accessor.report.extent import Extent
from smlm_accessor.report.frc_chart import frc_chart
from smlm_accessor.report.tables import history_rows, parameters, table
from smlm_accessor.report.views import Pairs
from smlm_accessor.report.words import VERDICTS, in_unit, measures, verdict_of

_SCALES = 1e-6  # relative change of lengths that is said
_HERE = Path(__file__).parent
# No script but that of the page itself, and nothing from elsewhere.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Facts:
    """What the page says of the table."""

    title: str
    when: datetime
    extent: Extent
    precision: float | None
    unit: str | None
    steps: Sequence[Any]
    notes: Sequence[str]


def page(
    facts: Facts,
    drift: Drift,
    found: Assessment | None,
    pairs: Pairs,
    *,
    by: str | None,
    outside: str | None,
) -> str:
    """Return the page as HTML that needs no other file."""
    source = transformations_of(drift)
    style, script = ((_HERE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    sections = [
        _header(facts, found, source),
        _section("Before and after", comparisons(pairs.pairs, facts.unit)),
        _section("Drift over frames", _drift_text(drift) + drift_chart(drift, by)),
        _section("Time as colour", by_time(pairs, facts.extent.frames, facts.unit)),
        _section("Fourier ring correlation", _frc(found)),
        _section("The verdict and its measures", _measures(found)),
        _section("Parameters", table(parameters(drift, by, outside), ["Parameter", "Value"])),
        _section("History of the table", _history(facts.steps)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(facts.title)}</title>\n<style>\n{style}</style></head>\n<body><main>\n"
        + "\n".join(sections)
        + f"\n</main>\n<script>\n{script}</script></body></html>\n"
    )


def _header(facts: Facts, found: Assessment | None, source: xr.Dataset) -> str:
    verdict = verdict_of(found)
    extent = facts.extent
    n_chunks, n_valid = source.sizes["chunk"], int(source["valid"].sum())
    rows = number(extent.n_rows)
    missing = extent.n_rows - extent.n_located
    if missing:
        rows += f", {number(missing)} without position"
    first, last = extent.frames
    registered = "" if n_valid == n_chunks else f", {number(n_valid)} registered"
    items = {
        "Localizations": rows,
        "Frames": f"{first:,} to {last:,}",
        "Method": str(source.attrs.get("method", "not known")),
        "Chunks": f"{number(n_chunks)}{registered}",
        "Precision": in_unit(f"{facts.precision:.3g}", facts.unit) if facts.precision else "",
        "Length unit": written_unit(facts.unit) or "not known",
        "Version": f"smlm_accessor {__version__}",
        "Date": f"{facts.when:%d %B %Y, %H:%M}".lstrip("0"),
    }
    listed = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in items.items()
        if value
    )
    line = f'<p class="line-of-measures">{escape(str(found))}</p>' if found else ""
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in facts.notes)
    return (
        f'<header><p class="over">Drift report</p><h1>{escape(facts.title)}</h1>'
        f'<div class="verdict {verdict.replace(" ", "-")}">'
        f'<p class="badge">{escape(verdict.capitalize())}</p>'
        f"<p>{escape(VERDICTS[verdict])} {_size(source, verdict)}</p>{line}</div>{notes}"
        f"<dl>{listed}</dl></header>"
    )


def _size(source: xr.Dataset, verdict: str) -> str:
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
    return escape(f"{says} up to {', '.join(each[:-1])} and {each[-1]}.")


def _section(name: str, content: str) -> str:
    return f"<section><h2>{escape(name)}</h2>{content}</section>"


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
    return f"<p>{escape(text)}</p>"


def _frc(found: Assessment | None) -> str:
    chart = frc_chart(found) if found else None
    if chart is None:
        why = found.reason if found and found.frc is None else "too few localizations"
        return f'<p class="note">It could not be computed: {escape(why)}.</p>'
    return (
        "<p>Images of two halves of the frames agree down to the size of detail at which their "
        "correlation falls below 1/7: that is the resolution. A curve that reaches further to the "
        f"right is a sharper image.</p>{chart}"
    )


def _measures(found: Assessment | None) -> str:
    if found is None:
        return '<p class="note">There is no verdict.</p>'
    reason = found.reason[:1].upper() + found.reason[1:]
    return (
        f"<p><strong>{escape(found.verdict.capitalize())}.</strong> {escape(reason)}.</p>"
        + table(measures(found), ["Measure", "Found", "What it means"], kind="three")
    )


def _history(steps: Sequence[Any]) -> str:
    if not steps:
        return "<p>Nothing is recorded of what was done to this table before.</p>"
    return table(history_rows(steps), ["Step", "Parameters", "Version"], kind="three history")
