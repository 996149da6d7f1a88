"""The summary of many files: a row for each, what needs a look on top."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from smlm_accessor.correct.request import FileCorrection
from smlm_accessor.display.pages import render_page
from smlm_accessor.drift import jump_frames
from smlm_accessor.io.staging import staged

if TYPE_CHECKING:
    from smlm_accessor.correct.one_file import Corrected

Row = dict[str, Any]
CSV, PAGE = "summary.csv", "summary.html"
_LOOK = ("error", "worse", "none", "no evidence", "improved")  # from the most to the least
COLUMNS = (
    "file", "verdict", "error", "localizations", "frames", "drift_x", "drift_y", "drift_z",
    "unit", "offset_std", "valid_chunks", "chunks", "jumps", "gain", "score", "log10_odds",
    "held_out_gain", "held_out_score", "halves_apart", "frc_before", "frc_after", "nena_before",
    "nena_after", "seconds", "written", "page", "warnings",
)  # fmt: skip
_MEASURES = ("gain", "score", "log10_odds", "held_out_gain", "held_out_score", "frc_before",
             "frc_after", "nena_before", "nena_after")  # fmt: skip


def row_of(
    request: FileCorrection,
    done: Corrected | None,
    seconds: float,
    warnings: list[str],
    error: str,
) -> Row:
    """Return the row of a file, of plain values.

    ``offset_std`` is the root mean square over chunks and axes. ``verdict`` is ``"none"`` if
    there are too few frames to judge by, ``"error"`` if nothing was corrected.
    """
    row: Row = {
        "file": str(request.source),
        "seconds": round(seconds, 2),
        "written": "",
        "page": "",
    }
    row |= {"verdict": "error", "error": _line(error), "warnings": "; ".join(map(_line, warnings))}
    if done is None:
        return row
    dataset = done.dataset
    std = dataset["offset_std"].values[dataset["valid"].values]
    row |= {
        "verdict": done.verdict.verdict if done.verdict else "none",
        "localizations": done.n_localizations,
        "frames": done.times.replace(" s to ", "-").replace(" to ", "-"),
        **{f"drift_{axis}": value for axis, value in done.drift_range.items()},
        "unit": dataset.attrs.get("length_unit") or "",
        "offset_std": float(np.sqrt(np.mean(std[np.isfinite(std)] ** 2)))
        if np.isfinite(std).any()
        else None,
        "valid_chunks": int(dataset["valid"].sum()),
        "chunks": dataset.sizes["chunk"],
        "jumps": len(jump_frames(dataset)),
        "written": request.result.name if done.is_written else "",
        "page": f"pages/{request.report.name}" if request.report else "",
    }
    if done.verdict is not None:
        measures = {name: getattr(done.verdict, name) for name in _MEASURES}
        apart = done.verdict.halves_apart.values()
        measures["halves_apart"] = max(apart, default=np.nan)
        row |= {name: float(v) for name, v in measures.items() if np.isfinite(v)}
    return row


def summary_table(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a table, what needs a look on top.

    Errors come first, then what was made worse, then what nothing proves; among equals those with
    warnings or jumps, then those of which the least is proven.
    """
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    texts = ["file", "verdict", "error", "frames", "unit", "written", "page", "warnings"]
    table[texts] = table[texts].astype(object).fillna("").astype(str)
    for name in ("localizations", "valid_chunks", "chunks", "jumps"):
        table[name] = table[name].astype("Int64")
    for name in (*_MEASURES, "halves_apart", "offset_std", "drift_x", "drift_y", "drift_z"):
        table[name] = table[name].astype(float)
    order = pd.DataFrame(
        {
            "verdict": table["verdict"].map(_LOOK.index),
            "warned": table["warnings"] == "",
            "jumps": -table["jumps"].fillna(0).astype(int),
            "odds": table["log10_odds"].fillna(-np.inf),
            "score": table["score"].fillna(-np.inf),
            "file": table["file"],
        }
    ).sort_values(["verdict", "warned", "jumps", "odds", "score", "file"])
    return table.loc[order.index].reset_index(drop=True)


def write_summary(folder: Path, rows: Iterable[Row]) -> None:
    """Write the summary as csv and as a page."""
    table = summary_table(rows)
    with staged(folder / CSV, folder / PAGE) as (csv, page):
        table.to_csv(csv, index=False)
        page.write_text(_page(table), encoding="utf-8")


def _page(table: pd.DataFrame) -> str:
    values = table.itertuples(index=False)
    counts = table["verdict"].value_counts()
    return render_page(
        Path(__file__).with_name("summary.html.jinja"),
        title=f"Drift correction of {len(table)} file{'s' * (len(table) != 1)}",
        when=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        counts=[(name, int(counts[name])) for name in _LOOK if name in counts],
        rows=[_shown(dict(zip(COLUMNS, row, strict=True))) for row in values],
    )


def _shown(row: Row) -> dict[str, str]:
    """Return the cells of a row as they are shown."""

    def number(name: str, digits: str = ".3g") -> str:
        return "" if pd.isna(row[name]) else f"{row[name]:{digits}}"

    drift = " / ".join(filter(None, (number(f"drift_{axis}", ".4g") for axis in "xyz")))
    unit = f" {row['unit']}" if row["unit"] else ""
    held = number("held_out_score", "+.1f")
    frc = f"{number('frc_before') or '–'} → {number('frc_after') or '–'}"
    return {
        **{name: str(row[name]) for name in ("file", "verdict", "error", "warnings", "written")},
        "name": Path(row["file"]).name,
        "page": row["page"],
        "localizations": number("localizations", ","),
        "frames": row["frames"],
        "drift": f"{drift}{unit}" if drift else "",
        "offset_std": number("offset_std"),
        "jumps": number("jumps", "d"),
        "score": number("score", "+.1f"),
        "held_out": held,
        "halves": number("halves_apart"),
        "frc": frc if row["verdict"] != "error" else "",
        "seconds": number("seconds", ".1f"),
    }


def _line(text: str) -> str:
    return " ".join(text.split())
