"""
Larger than memory
==================

The same verbs work on a dask DataFrame. Only the drift comes back; the corrected table stays
lazy.
"""

import dask.dataframe as dd
import matplotlib.pyplot as plt

import smlm_accessor

still = smlm_accessor.simulate_npc(n_structures=120, region=((0, 4_000), (0, 4_000)), seed=16)
table = dd.from_pandas(still.smlm.simulate_drift(velocity=(0.01, 0.01)), npartitions=4)

drift = table.smlm.drift()
fixed = table.smlm.correct(drift)  # nothing is computed yet
part = ((1_000, 2_200), (1_000, 2_200))
fig, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, (title, one) in zip(axes, {"Before": table, "After": fixed}.items(), strict=True):
    one.smlm.plot(bin_size=8, bin_range=part, ax=ax, rescale="log")
    ax.set_title(title)
