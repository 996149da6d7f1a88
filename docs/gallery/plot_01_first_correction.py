"""
Correct a table
===============

Estimate the drift, correct the table, and look at a structure before and after.
"""

import matplotlib.pyplot as plt

import smlm_accessor

still = smlm_accessor.simulate_npc(n_structures=150, region=((0, 5_000), (0, 5_000)), seed=1)
table = still.smlm.simulate_drift(velocity=(0.01, 0.006), seed=1)

drift = table.smlm.drift()
fixed = table.smlm.correct(drift)

# %%
# The same part of the field, coloured by the number of localizations:
part = ((1_000, 2_200), (1_000, 2_200))
fig, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, (title, one) in zip(axes, {"Before": table, "After": fixed}.items(), strict=True):
    one.smlm.plot(bin_size=8, bin_range=part, ax=ax, rescale="log", scale_bar=200)
    ax.set_title(title)
