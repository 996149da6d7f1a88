"""
Beads, one of which is loose
============================

`find_fiducials` finds beads and says how far each goes off by itself. A loose bead gets a small
weight.
"""

import numpy as np
import pandas as pd

import smlm_accessor

rng = np.random.default_rng(7)
n_frames = 3_000
frame = np.repeat(np.arange(n_frames), 4)
place = np.array([[500, 800], [3_000, 600], [1_800, 3_300], [3_600, 3_500]], float)
xy = np.tile(place, (n_frames, 1)) + rng.normal(0, 3, (4 * n_frames, 2))
drift = np.cumsum(rng.normal(0, 0.4, (n_frames, 2)), axis=0)
xy += np.repeat(drift, 4, axis=0)
xy[3::4] += np.cumsum(rng.normal(0, 0.3, (n_frames, 2)), axis=0)  # the last bead is loose
table = pd.DataFrame({"frame": frame, "x": xy[:, 0], "y": xy[:, 1]})
table = smlm_accessor.set_columns(table, unit="nm")

beads = table.smlm.find_fiducials()
beads[["x", "y", "presence", "jitter", "stray", "weight"]].round(2)

# %%
# `stray` of the loose bead is large, its weight is small. A warning would name it; leave it out.
# The drift that the others show:
table.smlm.drift(method="fiducial", fiducials=beads.query("stray < 3")).smlm.plot()
