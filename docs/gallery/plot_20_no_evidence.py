"""
A table that tells nothing
==========================

Localizations at random places know nothing of drift. The result says so: no chunk is valid, and
a warning explains it.
"""

import warnings

import matplotlib.pyplot as plt

import smlm_accessor

table = smlm_accessor.simulate_csr(n_samples=15_000, region=((0, 5_000), (0, 5_000)), seed=20)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    drift = table.smlm.drift()
print(told[0].message)
print("valid chunks:", int(drift.valid.sum()))

table.smlm.plot(bin_size=50)
plt.title("No structure, no drift to be told")
