"""
Five methods on one table
=========================

All methods give the same Dataset, so they can be compared by a loop. The error is what is left
after the correction.
"""

import matplotlib.pyplot as plt

import smlm_accessor

still = smlm_accessor.simulate_npc(n_structures=200, n_frames=8_000, precision=8, seed=5)
table = still.smlm.simulate_drift(velocity=(0.01, 0), sinusoid={"amplitude": 25, "period": 6_000})

error = {}
for method in ("overlap", "aim", "rcc", "cc", "icp"):
    fixed = table.smlm.correct(table.smlm.drift(method=method))
    error[method] = fixed.smlm.rmse(still).mean()

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
bars = ax.barh(list(error), list(error.values()), color="#0072B2")
ax.bar_label(bars, fmt="%.2f", padding=3)
ax.invert_yaxis()
ax.set(xlabel="Error that is left (nm)", xlim=(0, 1.15 * max(error.values())))
ax.spines[["top", "right"]].set_visible(False)
