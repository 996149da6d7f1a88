"""
A stage that jumps
==================

The default method finds jumps of the sample, to the frame. The correction is continuous before
and after a jump.
"""

import smlm_accessor

still = smlm_accessor.simulate_npc(n_structures=150, n_frames=6_000, precision=8, seed=3)
table = still.smlm.simulate_drift(velocity=(0.006, 0.003), step=[(2_500, (150, -60))])

drift = table.smlm.drift()
drift.smlm.plot()

# %%
# Frame, size and standard deviation of each jump:
drift.smlm.jumps().round(1)
