"""
How sure is the drift?
======================

`offset_std` is one standard deviation. Here the truth is known: about two thirds of the errors
should be smaller.
"""

import matplotlib.pyplot as plt
import numpy as np

import smlm_accessor

still = smlm_accessor.simulate_npc(n_structures=100, n_frames=6_000, precision=8, seed=6)
table, truth = still.smlm.simulate_drift(
    diffusion_constant=0.02, velocity=0.004, seed=6, return_drift=True
)
drift = table.smlm.drift()

true = truth.smlm.drift().sel(component="x")
error = drift.smlm.drift().sel(component="x") - np.interp(drift.frame, true.frame, true)
error = error - error.mean()
std = drift.offset_std.sel(component="x")

fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.fill_between(drift.frame, -std, std, color="#0072B2", alpha=0.25, label="offset_std")
ax.plot(drift.frame, error, color="#0072B2", lw=1, label="error along x")
ax.set(xlabel="Frame", ylabel="nm", title=f"{(abs(error) < std).mean().item():.0%} are inside")
ax.legend(frameon=False)
