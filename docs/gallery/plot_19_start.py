"""
Start from a drift that is known
================================

A log of the stage, or an earlier estimate, is a start: what it knows is not searched again.
"""

import pathlib
import tempfile

import smlm_accessor

still = smlm_accessor.simulate_npc(n_structures=100, n_frames=6_000, precision=8, seed=19)
table = still.smlm.simulate_drift(velocity=(0.02, -0.01))

early = table[table.frame < 3_000].smlm.drift()
with tempfile.TemporaryDirectory() as folder:  # as a file, and back
    path = pathlib.Path(folder, "early.nc")
    smlm_accessor.write_drift(early, path)
    early = smlm_accessor.read_drift(path)

drift = table.smlm.drift(start=early)
drift.smlm.plot()
