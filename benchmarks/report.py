"""The results of a comparison, as they are kept and as Markdown tables."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

Results = dict[str, Any]
HEADER = "| | error x / y (/ z), nm | over oracle | s | s, new process | bytes |"


def start(earlier: Path | None) -> Results:
    """Return results without rows, or those that were kept earlier."""
    results: Results = {"cases": {}, "rows": {}, "not available": {}}
    if earlier is not None and earlier.exists():
        results |= json.loads(earlier.read_text())
        results["not available"] = {}
    results["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
    results["machine"] = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}"
    )
    return results


def over_oracle(row: dict[str, Any], oracle: dict[str, float]) -> float | None:
    """Return the root mean square over the axes of error over oracle; None if there is none."""
    axes = [axis for axis in row.get("rmse", {}) if axis in oracle]
    if not axes:
        return None
    return float(np.sqrt(np.mean([(row["rmse"][axis] / oracle[axis]) ** 2 for axis in axes])))


def markdown(results: Results) -> str:
    """Return all tables."""
    lines = [
        f"{results['date']}; {results['machine']}. " + _versions(results),
        "",
        "Error: root mean square over all localizations, a constant removed. Seconds: estimate and "
        "correction, in a process that did it before, and in a new one with the import of the "
        "tool. Bytes: peak memory above the table, per localization.",
    ]
    lines += [
        f"\n{name}: not available here: {why}" for name, why in results["not available"].items()
    ]
    lines += ["", *_summary(results)]
    for case, rows in results["rows"].items():
        about = results["cases"][case]
        lines += [
            "",
            f"**{case}: {about['about']}**. {about['localizations']:,} localizations, "
            f"{about['frames']:,} frames; before {_lengths(about['before'])} nm"
            + (f"; oracle {_lengths(about['oracle'])} nm." if about["oracle"] else "."),
            "",
            HEADER,
            "|---|---|---|---|---|---|",
        ]
        for name, variants in rows.items():
            for variant, row in variants.items():
                lines.append(_row(name, variant, row, about["oracle"]))
        lines += [
            f"\n{name} warns: {text}"
            for name, variants in rows.items()
            if name.startswith("ours")
            for text in variants["default"].get("warnings", [])
        ]
        first = {n: v["default"]["first ever"] for n, v in rows.items() if _has_first(v)}
        if first:
            times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in first.items())
            lines += ["", f"First call ever, with compilation: {times}."]
    return "\n".join(lines) + "\n"


def _summary(results: Results) -> list[str]:
    """Return a table of errors, a line per method and a column per case."""
    shown = list(results["rows"])
    names = dict.fromkeys(name for rows in results["rows"].values() for name in rows)
    lines = ["| error, nm | " + " | ".join(shown) + " |", "|---|" + "---|" * len(shown)]
    oracles = [_lengths(results["cases"][case]["oracle"]) or "–" for case in shown]
    lines.append("| oracle | " + " | ".join(oracles) + " |")
    for name in names:
        cells = []
        for case in shown:
            variants = results["rows"][case].get(name, {})
            cell = _short(variants.get("default", {}))
            if "tuned" in variants:
                cell = f"{_short(variants['tuned'])} [{cell}]"
            cells.append(cell)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [*lines, "", "In brackets: at the defaults; before them: at the best setting found."]


def _row(name: str, variant: str, row: dict[str, Any], oracle: dict[str, float]) -> str:
    setting = ", ".join(f"{key} {_plain(value)}" for key, value in row["settings"].items())
    ours = name.startswith("ours")
    label = name if ours and variant == "default" else f"{name}, {variant}"
    if setting:
        label += f" ({setting})"
    if "failed" in row:
        return f"| {label} | {row['failed']} | | | | |"
    ratio = over_oracle(row, oracle)
    return (
        f"| {label} | {_lengths(row['rmse'])} | {'' if ratio is None else f'{ratio:.3g}'} "
        f"| {row['warm']:.2f} | {row['import'] + row['cold']:.2f} | {row['bytes']:.0f} |"
    )


def _has_first(variants: dict[str, dict[str, Any]]) -> bool:
    return variants["default"].get("first ever") is not None


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {_plain(one)}" for key, one in value.items())
    return str(value)


def _short(row: dict[str, Any]) -> str:
    return row["failed"] if "failed" in row else _lengths(row.get("rmse", {})) or "–"


def _lengths(values: dict[str, float]) -> str:
    return " / ".join(f"{v:.0f}" if v >= 100 else f"{v:.2g}" for v in values.values())


def _versions(results: Results) -> str:
    found: dict[str, str] = {}
    for rows in results["rows"].values():
        for name, variants in rows.items():
            for row in variants.values():
                if "versions" in row:
                    found[name.split()[0]] = ", ".join(
                        f"{k} {v}" for k, v in row["versions"].items()
                    )
    return " ".join(f"{tool}: {versions}." for tool, versions in found.items())
