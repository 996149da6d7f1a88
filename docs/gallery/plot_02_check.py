"""
See at once whether it worked
=============================

`check_drift` draws the drift with its band, the image before and after, and the verdict.
"""

import smlm_accessor

still = smlm_accessor.simulate_origami(n_structures=80, n_frames=4_000, precision=6, seed=2)
table = still.smlm.simulate_drift(
    velocity=(0.008, -0.004), sinusoid={"amplitude": 20, "period": 4_000}
)
axes = table.smlm.check_drift()
