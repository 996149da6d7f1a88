"""
Many rounds onto each other
===========================

`smlm_accessor.align` takes any number of tables and uses all pairs of them.
"""

import matplotlib.pyplot as plt
import numpy as np

import smlm_accessor
from smlm_accessor.simulate import origami_sites

sites = origami_sites(n_structures=40, region=((0, 6_000), (0, 6_000)), seed=10)
moves = np.array([0, 25, -40, 60])
rounds = {}
for i, move in enumerate(moves):
    one = smlm_accessor.simulate_blinking(sites, n_frames=1_500, labeling=0.5, precision=5, seed=i)
    rounds[f"R{i + 1}"] = one.assign(position_x=one.position_x + move)

shifts = smlm_accessor.align(rounds, reference="R1")
found = -shifts.offset.sel(component="x")

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.bar(list(rounds), moves, color="0.85", label="true")
ax.errorbar(list(rounds), found, shifts.offset_std.sel(component="x"), fmt="o", label="found")
ax.set_ylabel("Shift along x (nm)")
ax.legend(frameon=False)
