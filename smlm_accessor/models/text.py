"""What a fitted model says of itself, as text and in a notebook."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from html import escape

import xarray as xr

from smlm_accessor.display.drift_chart import curve_rows, drift_svg
from smlm_accessor.display.tables import folded, html_table, text_table
from smlm_accessor.drift.curves import Curves
from smlm_accessor.models.component_fit import ComponentFit


def as_text(
    heading: str, fits: Sequence[ComponentFit], curves: Curves | None, unit: str | None
) -> str:
    """Return the heading, a line for each component, and the drift in numbers."""
    names = max(len(fit.name) for fit in fits)
    kinds = max(len(fit.kind) for fit in fits)
    lines = [f"  {fit.name:{names}}  {fit.kind:{kinds}}  {_figures(fit)}".rstrip() for fit in fits]
    rows = [] if curves is None else text_table(curve_rows(curves, unit))
    return "\n".join([heading, *lines, *(f"  {line}" for line in rows)])


def as_html(
    heading: str,
    fits: Sequence[ComponentFit],
    curves: Curves | None,
    chunks: Curves,
    source: xr.Dataset,
) -> str:
    """Return the curve, a table with a row for each component, and lmfit's reports folded below."""
    fitted = html_table(
        [(fit.name, fit.kind, _figures(fit)) for fit in fits], head=("", "model", "fit")
    )
    reports = "".join(folded(fit.name, inner) for fit in fits if (inner := _lmfit_html(fit)))
    drift = ""
    if curves is not None:
        head, *rows = curve_rows(curves, source.attrs.get("length_unit"))
        drift = html_table(rows, head=head, align="right") + drift_svg(source, chunks, curves)
    return f"<div><div>{escape(heading)}</div>{drift}{fitted}{reports}</div>"


def _figures(fit: ComponentFit) -> str:
    return ", ".join(f"{name} {value}" for name, value in fit.figures().items())


def _lmfit_html(fit: ComponentFit) -> str:
    render = getattr(fit.result, "_repr_html_", None)
    if render is None:
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of exact fits, which have no standard errors
        try:
            return str(render())
        except Exception:  # the table says enough; a repr must not raise
            return ""
