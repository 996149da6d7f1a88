"""
A method of your own
====================

A function that takes chunks of positions and gives offsets is a method, with one decorator.
"""

import numpy as np

import smlm_accessor
from smlm_accessor.methods import api, registry


@registry.register("median", targets=("first",))
def median(localizations):
    """Put the median of every chunk on that of the first: only as good as the field is full."""
    n = localizations.counts
    middle = np.stack([np.median(localizations.chunk(k), axis=0) for k in range(len(n))])
    return api.Registered(middle[0] - middle, quality=n, valid=n > 0)


still = smlm_accessor.simulate_thomas(cluster_mu=100, seed=21)
table = still.smlm.simulate_drift(velocity=(0.05, 0.02))
table.smlm.drift(method="median", n_chunks=8).smlm.plot()
