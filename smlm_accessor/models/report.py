"""What a fitted model says of itself, as text and in a notebook."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from html import escape

from smlm_accessor.display.svg import trace_svg
from smlm_accessor.display.tables import folded, html_table, text_table
from smlm_accessor.display.traces import Curve, Trace, model_trace
from smlm_accessor.models.components import ComponentFit


def as_text(heading: str, fits: Sequence[ComponentFit], model: Curve) -> str:
    """Return the heading, a line for each component, and the drift in numbers."""
    names = max(len(fit.name) for fit in fits)
    kinds = max(len(fit.kind) for fit in fits)
    lines = [f"  {fit.name:{names}}  {fit.kind:{kinds}}  {_figures(fit)}".rstrip() for fit in fits]
    trace = _trace(model)
    drift = [] if trace is None else [f"  {line}" for line in text_table(trace.facts())]
    return "\n".join([heading, *lines, *drift])


def as_html(heading: str, fits: Sequence[ComponentFit], model: Curve) -> str:
    """Return the curve, a table with a row for each component, and lmfit's reports folded below."""
    fitted = html_table(
        [(fit.name, fit.kind, _figures(fit)) for fit in fits], head=("", "model", "fit")
    )
    reports = "".join(folded(fit.name, inner) for fit in fits if (inner := _lmfit_html(fit)))
    trace, drift = _trace(model), ""
    if trace is not None:
        head, *rows = trace.facts()
        drift = html_table(rows, head=head, align="right") + trace_svg(trace)
    return f"<div><div>{escape(heading)}</div>{drift}{fitted}{reports}</div>"


def _trace(model: Curve) -> Trace | None:
    """Return the curve; None if it cannot be evaluated, for a repr must not raise."""
    try:
        return model_trace(model)
    except Exception:
        return None


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
