"""
See drift by colour
===================

The mean frame in each bin: before the correction a structure changes its colour from one side
to the other.
"""

import matplotlib.pyplot as plt

import smlm_accessor

still = smlm_accessor.simulate_thomas(
    parent_intensity=5e-5, region=((0, 1_000), (0, 1_000)), cluster_mu=600, seed=17
)
table = still.smlm.simulate_drift(velocity=(0.006, 0.003))
fixed = table.smlm.correct(table.smlm.drift(method="aim"))

fig, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for ax, (title, one) in zip(axes, {"Before": table, "After": fixed}.items(), strict=True):
    one.smlm.plot(bin_size=3, other_property="frame", ax=ax)
    ax.set_title(title)
