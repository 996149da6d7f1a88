"""Chart of random worlds for README: ``python benchmarks/worlds_chart.py`` writes worlds.png.

The shares are those of the table in docs/architecture/measured.md, seed 1: worlds 1 to 100
(`worlds.py`, `world_peers.py`).
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).parent
# Per cent of worlds with an error within 1.5, 2 and 3 times that of the oracle.
SHARES = {
    "smlm_accessor overlap, nothing told": (59, 78, 92),
    "Picasso 0.11.3 aim, best of a scan": (2, 3, 13),
    "SMAPpy 0.5.5 spline, best of a scan": (0, 4, 11),
    "Picasso 0.11.3 aim, default": (0, 0, 2),
    "SMAPpy 0.5.5 spline, default": (0, 0, 3),
}
COLORS = ("#0072B2", "#56B4E9", "#bcdff5")
LABELS = ("within 1.5 times the error of an oracle", "within 2 times", "within 3 times")


def draw(path: Path) -> None:
    """Draw a bar for each tool, longest for the widest bound."""
    fig, ax = plt.subplots(figsize=(8, 2.7), layout="constrained")
    at = np.arange(len(SHARES))
    for k in (2, 1, 0):
        shares = [values[k] for values in SHARES.values()]
        ax.barh(at, shares, height=0.62, color=COLORS[k], label=LABELS[k])
    for y, values in zip(at, SHARES.values(), strict=True):
        ax.text(values[2] + 1, y, " / ".join(map(str, values)), va="center", fontsize=9)
    ax.set_yticks(at, list(SHARES))
    ax.invert_yaxis()
    ax.set(xlim=(0, 112), xlabel="Random worlds (%)")
    ax.spines[["top", "right"]].set_visible(False)
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], frameon=False, loc="lower right", fontsize=9)
    fig.savefig(path, dpi=110)


if __name__ == "__main__":
    draw(HERE / "worlds.png")
