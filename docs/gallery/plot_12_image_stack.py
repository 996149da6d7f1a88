"""
Drift of an image stack
=======================

Brightfield images tell how the sample moved, too. The result corrects a table as well as the
stack.
"""

import numpy as np
import xarray as xr
from scipy import ndimage

rng = np.random.default_rng(12)
sample = ndimage.gaussian_filter(rng.normal(size=(140, 140)), 2) * 1_000
images = [
    ndimage.shift(sample, (0.5 * np.sin(i / 6), 0.05 * i))[10:130, 10:130]
    + rng.normal(0, 10, (120, 120))
    for i in range(40)
]
stack = xr.DataArray(
    np.array(images), dims=("frame", "y", "x"), coords={"frame": 250 * np.arange(40)}
)
drift = stack.smlm.drift(pixel_size=100)
drift.smlm.plot()
