"""What a table of localizations holds, in a few lines."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor.backends import example, is_partitioned, source_of
from smlm_accessor.display.tables import html_table
from smlm_accessor.table import history
from smlm_accessor.table.clock import Clock
from smlm_accessor.table.columns import Columns, find_columns
from smlm_accessor.table.localizations import known_range, read_localizations


def summary(table: pd.DataFrame) -> str:
    """Return a few lines that say what was found in a table; of dask, without reading its rows.

    Examples
    --------
    >>> print(summary(pd.DataFrame({"x [nm]": [0.0, 5.0], "y [nm]": [1.0, 2.0], "frame": [3, 9]})))
    Localization table (ThunderSTORM names)
      localizations  2
      frames         3 to 9, 0.286 localizations per frame
      x              0 to 5 nm, from 'x [nm]'
      y              1 to 2 nm, from 'y [nm]'
    """
    heading, rows = _said(table)
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join([heading, *(f"  {name:<{width}}{text}" for name, text in rows)])


def _said(table: pd.DataFrame) -> tuple[str, list[tuple[str, str]]]:
    columns = find_columns(table)
    rows = _known_rows(table) if is_partitioned(table) else _all_rows(table)
    if columns.length_unit is None:
        rows.append(("length unit", "unknown; set_columns(table, unit='nm') names it"))
    done = [entry["step"] for entry in history.steps(example(table).attrs)]
    if done:
        rows.append(("history", ", ".join(done)))
    return f"Localization table ({columns.convention} names)", rows


def _all_rows(table: pd.DataFrame) -> list[tuple[str, str]]:
    localizations = read_localizations(table, need_frames=False)
    columns = localizations.columns
    n = len(table)
    rows = [("localizations", f"{n:,}")]
    missing = n - int(localizations.finite.sum())
    if missing:
        rows.append(("without position", f"{missing:,}"))
    if columns.when is None:
        rows.append(_NO_FRAMES)
    elif n:
        ends = int(localizations.frames.min()), int(localizations.frames.max())
        rows.append(_times(columns.clock, *ends, n))
    for j, component in enumerate(columns.components):
        values = localizations.positions[localizations.finite, j]
        extent = (values.min(), values.max()) if len(values) else None
        rows.append(_component(columns, component, extent, "empty"))
    if localizations.uncertainty is not None:
        lateral = localizations.uncertainty[:, :2]
        lateral = lateral[np.isfinite(lateral)]
        if len(lateral):
            rows.append(("precision", f"{np.median(lateral):.3g} (median)"))
    return rows


def _known_rows(table: Any) -> list[tuple[str, str]]:
    """Return what dask, and the files it reads from, tell of themselves."""
    columns, source = find_columns(table), source_of(table)
    n = source.n_rows
    parts = f"{table.npartitions} partition" + ("s" if table.npartitions > 1 else "")
    rows = [("localizations", f"{'not counted' if n is None else f'{n:,}'}, in {parts} of dask")]
    if columns.when is None:
        rows.append(_NO_FRAMES)
    else:
        ends = known_range(source, columns)
        if ends is not None and n is not None:
            rows.append(_times(columns.clock, *ends, n))
    for component, label in columns.positions.items():
        known = source.range_of(label)
        scale = columns.scale(component)
        extent = None if known is None else (known[0] * scale, known[1] * scale)
        rows.append(_component(columns, component, extent, "not read"))
    return rows


_NO_FRAMES = ("frames", "no column found; see smlm_accessor.set_columns")


def _times(clock: Clock, first: int, last: int, n: int) -> tuple[str, str]:
    if clock.is_time:
        rate = f", {n / float(clock.values(last - first)):.3g} localizations per second"
        return "time", clock.bare(first, last) + rate * (last > first)
    per_frame = n / (last - first + 1)
    return "frames", f"{first} to {last}, {per_frame:.3g} localizations per frame"


def _component(
    columns: Columns, component: str, extent: tuple[float, float] | None, without: str
) -> tuple[str, str]:
    unit = f" {columns.length_unit}" if columns.length_unit else ""
    text = without if extent is None else f"{extent[0]:.6g} to {extent[1]:.6g}"
    return component, f"{text}{unit}, from {columns.positions[component]!r}"


def safe_summary(table: pd.DataFrame) -> str:
    """Return the summary, or what keeps it from being made: a repr must not raise."""
    try:
        return summary(table)
    except Exception as error:
        return f"Localization table\n  {error}"


def summary_html(table: pd.DataFrame) -> str:
    """Return the same as a table of html."""
    try:
        heading, rows = _said(table)
        return f"<div><div>{escape(heading)}</div>{html_table(rows, align='left')}</div>"
    except Exception:  # what went wrong is said in words
        return f"<pre>{escape(safe_summary(table))}</pre>"
