"""
Brightness of an image
======================

Four ways in which the number of localizations becomes brightness.
"""

import matplotlib.pyplot as plt

import smlm_accessor

table = smlm_accessor.simulate_npc(n_structures=20, region=((0, 2_000), (0, 2_000)), seed=22)
fig, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
for ax, rescale in zip(axes, ("unity", "log", "equal", (1, 99)), strict=True):
    table.smlm.plot(bin_size=8, rescale=rescale, ax=ax, colorbar=False)
    ax.set_title(f"rescale={rescale!r}")
