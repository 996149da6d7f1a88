"""
Two colours
===========

Both colours move with the same stage. Estimate the drift from the colour that shows more, and
correct both.
"""

import matplotlib.pyplot as plt

import smlm_accessor

pores = smlm_accessor.simulate_npc(n_structures=80, region=((0, 5_000), (0, 5_000)), seed=8)
fibres = smlm_accessor.simulate_filaments(
    n_structures=6, region=((0, 5_000), (0, 5_000)), n_frames=10_000, bindings_per_site=1, seed=8
)
red = pores.smlm.simulate_drift(velocity=(0.012, 0.008))
green = fibres.smlm.simulate_drift(velocity=(0.012, 0.008))

drift = red.smlm.drift()
part = ((1_500, 3_500), (1_500, 3_500))
fig, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
pairs = {
    "Before": (red, green),
    "After": [one.smlm.correct(drift, outside="hold") for one in (red, green)],
}
for ax, (title, tables) in zip(axes, pairs.items(), strict=True):
    image = [t.smlm.render(bin_size=10, bin_range=part, rescale="log") for t in tables]
    rgb = plt.cm.Greys(image[0].values * 0)
    rgb[..., 0], rgb[..., 1], rgb[..., 2] = image[0], image[1], image[0]
    ax.imshow(rgb, origin="lower")
    ax.set(title=title, xticks=[], yticks=[])
