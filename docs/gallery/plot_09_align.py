"""
Put one channel onto another
============================

A mirror shifts the second channel. `align` finds the shift, with its standard deviation.
"""

import matplotlib.pyplot as plt

from smlm_accessor.simulate import npc_sites, simulate_blinking

sites = npc_sites(n_structures=60, region=((0, 4_000), (0, 4_000)), seed=9)
red, green = (simulate_blinking(sites, n_frames=4_000, precision=8, seed=seed) for seed in (1, 2))
green = green.assign(position_x=green.position_x + 60, position_y=green.position_y - 25)

shift = green.smlm.align(red)
aligned = green.smlm.correct(shift)
print(shift.offset.values.round(2), shift.offset_std.values.round(2))

# %%
# One pore, red and green, before and after:
x, y = red[["position_x", "position_y"]].iloc[0]
fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained", sharey=True)
for ax, (title, other) in zip(axes, {"Before": green, "After": aligned}.items(), strict=True):
    for table, colour in ((red, "#D55E00"), (other, "#009E73")):
        near = table[table.position_x.between(x - 200, x + 200)]
        near = near[near.position_y.between(y - 200, y + 200)]
        ax.plot(near.position_x - x, near.position_y - y, ".", ms=2, color=colour)
    ax.set(title=title, xlabel="x (nm)", aspect="equal")
