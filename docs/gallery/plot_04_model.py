"""
A model of your own
===================

Cut the movie into ten chunks, register them, and put a curve through the chunks: a spline for
x, a straight line for y.
"""

import smlm_accessor

still = smlm_accessor.simulate_thomas(cluster_mu=200, seed=4)
table = still.smlm.simulate_drift(
    velocity=(0.01, 0.006), sinusoid={"amplitude": (12, 0), "period": 5_000}
)

drift = table.smlm.drift(method="icp", n_chunks=10)
model = drift.smlm.fit(offset=["spline", "linear"])
drift.smlm.plot(model=model)
