"""The picture of README: ``python benchmarks/readme_picture.py`` writes before_after.png."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

import smlm_accessor

PART = ((1_450, 2_750), (2_100, 3_400))


def main() -> None:
    """Draw pores before and after, and the drift between."""
    still = smlm_accessor.simulate_npc(
        n_structures=200, region=((0, 5_000), (0, 5_000)), precision=6, seed=3
    )
    still = smlm_accessor.set_columns(still, unit="nm")
    table = still.smlm.simulate_drift(
        velocity=(0.008, -0.004), sinusoid={"amplitude": 25, "period": 7_000}, seed=3
    )
    drift = table.smlm.drift()
    fig, axes = plt.subplots(
        1, 3, figsize=(11, 3.4), layout="constrained", width_ratios=(1, 1.25, 1)
    )
    tables = {"Before": table, "After": table.smlm.correct(drift)}
    for ax, (title, one) in zip(axes[[0, 2]], tables.items(), strict=True):
        one.smlm.plot(bin_size=6, bin_range=PART, ax=ax, rescale="log", scale_bar=200)
        ax.set_title(title)
    drift.smlm.plot(ax=axes[1])
    axes[1].set_title("Drift, from the localizations alone")
    axes[1].spines[["top", "right"]].set_visible(False)
    fig.savefig(Path(__file__).parent / "before_after.png", dpi=100)


if __name__ == "__main__":
    main()
