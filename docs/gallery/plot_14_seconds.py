"""
Times in seconds
================

A MINFLUX table has times instead of frames, and many localizations of each molecule. All verbs
work in seconds.
"""

import numpy as np
import pandas as pd

import smlm_accessor

rng = np.random.default_rng(14)
n, per_trace = 900, 12
sites = rng.uniform(0, 3_000, size=(150, 2))
start = np.sort(rng.uniform(0, 3_600, n))
site = rng.integers(len(sites), size=n)
time = np.repeat(start, per_trace) + np.tile(0.05 * np.arange(per_trace), n)
xy = np.repeat(sites[site], per_trace, axis=0) + rng.normal(0, 2.5, (n * per_trace, 2))
xy += np.column_stack([time / 120, 15 * np.sin(time / 600)])
table = pd.DataFrame({"time": time, "x": xy[:, 0], "y": xy[:, 1]})
table["tid"] = np.repeat(np.arange(n), per_trace)
table = smlm_accessor.set_columns(table, time="time", trace="tid", unit="nm")

table.smlm.drift().smlm.plot()
