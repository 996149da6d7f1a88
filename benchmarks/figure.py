"""Error over oracle against seconds: a panel for each case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter
from report import Results, over_oracle

COLORS = {"ours": "#d62728", "picasso": "#1f77b4", "smappy": "#2ca02c", "locan": "#9467bd"}
MARKERS = {"overlap": "*", "aim": "o", "rcc": "s", "cc": "D", "spline": "^", "icp": "v"}


def draw(results: Results, path: Path) -> None:
    """Draw all cases; filled: at its best, open: at the default of a tool that was tuned."""
    shown = [case for case, rows in results["rows"].items() if rows]
    if not shown:
        return
    columns = min(4, len(shown))
    lines = -(-len(shown) // columns)
    fig, axes = plt.subplots(
        lines,
        columns,
        figsize=(3.2 * columns, 2.9 * lines + 0.7),
        squeeze=False,
        sharex=True,
    )
    handles: dict[str, Line2D] = {}
    seconds = [1.0]
    for panel, case in zip(axes.flat, shown, strict=False):
        oracle = results["cases"][case]["oracle"]
        errors = [1.0] if oracle else []
        for name, variants in results["rows"][case].items():
            tool, method = name.split()
            for variant, row in variants.items():
                if "rmse" not in row or variant not in ("default", "tuned"):
                    continue
                error = over_oracle(row, oracle)
                if error is None:
                    error = max(row["rmse"].values())
                errors.append(error)
                seconds.append(row["warm"])
                filled = variant == "tuned" or "tuned" not in variants
                (mark,) = panel.loglog(
                    row["warm"],
                    error,
                    MARKERS.get(method, "o"),
                    color=COLORS[tool],
                    markerfacecolor=COLORS[tool] if filled else "white",
                    markersize=12 if method == "overlap" else 6,
                )
                if filled:
                    handles.setdefault(name, mark)
        _whole_decades(panel.set_ylim, panel.yaxis, errors or [1.0])
        panel.set_title(f"{case}: {results['cases'][case]['about']}", fontsize=8)
        panel.set_ylabel("error over oracle" if oracle else "largest error, nm", fontsize=8)
        panel.set_xlabel("seconds", fontsize=8)
        panel.xaxis.set_tick_params(labelbottom=True)
        panel.tick_params(labelsize=7)
        panel.grid(alpha=0.3)
        if oracle:
            panel.axhline(1, color="black", linewidth=0.8, linestyle=":")
    _whole_decades(axes[0, 0].set_xlim, axes[0, 0].xaxis, seconds)
    for panel in axes.flat[len(shown) :]:
        panel.set_axis_off()
    fig.legend(
        handles=list(handles.values()),
        labels=list(handles),
        loc="lower center",
        ncols=min(len(handles), 5),
        fontsize=8,
        title="open: default, filled: best setting found",
        title_fontsize=8,
    )
    fig.tight_layout(rect=(0, 0.7 / (2.9 * lines + 0.7), 1, 1))
    fig.savefig(path, dpi=90)
    plt.close(fig)


def _whole_decades(limit: Callable[..., Any], axis: Axis, values: Sequence[float]) -> None:
    """Show whole decades, so that a log axis has numbers to read."""
    first, last = np.floor(np.log10(min(values))), np.ceil(np.log10(max(values)))
    limit(0.7 * 10**first, 1.4 * 10 ** max(last, first + 1))
    axis.set_minor_formatter(NullFormatter())
