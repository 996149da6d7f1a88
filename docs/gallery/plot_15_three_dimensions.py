"""
Three dimensions
================

With a column z, the drift along z is found and corrected as well.
"""

import smlm_accessor

still = smlm_accessor.simulate_npc(
    n_structures=150, dimension=3, n_frames=6_000, precision=(8, 8, 20), seed=15
)
table = still.smlm.simulate_drift(
    velocity=(0.006, -0.003, 0.01), sinusoid={"amplitude": (0, 10, 25), "period": 5_000}
)
table.smlm.drift().smlm.plot()
