"""What a fitted model says of itself, as text and in a notebook."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from html import escape

from smlm_accessor.models.components import ComponentFit


def as_text(heading: str, fits: Sequence[ComponentFit]) -> str:
    """Return the heading, and a line for each component."""
    names = max(len(fit.name) for fit in fits)
    kinds = max(len(fit.kind) for fit in fits)
    lines = [f"  {fit.name:{names}}  {fit.kind:{kinds}}  {_figures(fit)}".rstrip() for fit in fits]
    return "\n".join([heading, *lines])


def as_html(heading: str, fits: Sequence[ComponentFit]) -> str:
    """Return a table with a row for each component, and the reports of lmfit folded below."""
    rows = "".join(
        f"<tr><th>{escape(fit.name)}</th><td>{escape(fit.kind)}</td><td>{escape(_figures(fit))}</td></tr>"
        for fit in fits
    )
    table = f"<table><tr><th></th><th>model</th><th>fit</th></tr>{rows}</table>"
    folded = "".join(
        f"<details><summary>{escape(fit.name)}</summary>{inner}</details>"
        for fit in fits
        if (inner := _lmfit_html(fit))
    )
    return f"<div><p>{escape(heading)}</p>{table}{folded}</div>"


def _figures(fit: ComponentFit) -> str:
    return ", ".join(f"{name} {value}" for name, value in fit.figures().items())


def _lmfit_html(fit: ComponentFit) -> str:
    render = getattr(fit.result, "_repr_html_", None)
    if render is None:
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of exact fits, which have no standard errors
        return str(render())
