"""
Resolution before and after
===========================

`assess` measures the Fourier ring correlation of both images. The resolution is read where a
curve falls below 1/7.
"""

import matplotlib.pyplot as plt

import smlm_accessor

still = smlm_accessor.simulate_filaments(
    n_structures=10, region=((0, 4_000), (0, 4_000)), n_frames=4_000, bindings_per_site=2, seed=18
)
table = still.smlm.simulate_drift(velocity=(0.02, 0.01))
found = table.smlm.drift(method="aim").smlm.assess(table)
print(found)

fig, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name, curve in {"before": found.frc.before, "after": found.frc.after}.items():
    ax.plot(1_000 * found.frc.frequency, curve, label=name)
ax.axhline(1 / 7, color="0.6", lw=0.8)
ax.set(xlabel="Spatial frequency (1/um)", ylabel="Ring correlation")
ax.legend(frameon=False)
