"""
A sample that turns
===================

With `transformation="rigid"` the correction turns as well. `pose` says by how much the sample
turned.
"""

import numpy as np

import smlm_accessor

sites = np.random.default_rng(11).uniform(0, 12_000, size=(250, 2))
still = smlm_accessor.simulate_blinking(sites, n_frames=5_000, localizations_per_frame=2, seed=11)
table = still.smlm.simulate_drift(velocity=(0.01, -0.005), rotation=3e-7)

drift = table.smlm.drift(transformation="rigid")
drift.smlm.plot(quantity="rotation")
