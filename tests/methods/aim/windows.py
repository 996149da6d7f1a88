"""Windows at their true drift, for tests of the stages that begin there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor.methods.aim.fit import WindowFit
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from tests.scenes import Scene


def fitted(scene: Scene, n_windows: int = 20) -> tuple[WindowFit, WindowDrift]:
    """Windows at their true mean drift."""
    edges = np.linspace(0, scene.n_frames, n_windows + 1).astype(int)
    rest = WindowDrift.at_rest(scene.frames, edges)
    window = np.repeat(np.arange(n_windows), rest.counts)
    drift = np.zeros((n_windows, 3))
    for axis in range(scene.drift.shape[1]):
        sums = np.bincount(window, scene.drift[scene.frames, axis], n_windows)
        drift[:, axis] = sums / rest.counts
    return WindowFit(scene.chunked(), scene.precision, 1), replace(rest, drift=drift)
