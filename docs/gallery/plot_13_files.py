"""
One movie in several files
==========================

Each file begins with frame 0, and the sample may jump between two files.
"""

import smlm_accessor

still = smlm_accessor.simulate_npc(n_structures=120, n_frames=6_000, precision=8, seed=13)
whole = still.smlm.simulate_drift(velocity=0.008, step=[(3_000, (80, 40))])
first = whole[whole.frame < 3_000]
second = whole[whole.frame >= 3_000].assign(frame=lambda table: table.frame - 3_000)

table = smlm_accessor.join_movies([first, second])
drift = table.smlm.drift(segments="file")
drift.smlm.plot()
