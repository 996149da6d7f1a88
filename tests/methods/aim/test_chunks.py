"""Chunks of the user: where they begin, and the motion within them."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods.aim.chunks import begun_chunks
from smlm_accessor.methods.aim.fit import WindowFit
from smlm_accessor.methods.coarse.tracker import Coarse
from tests import scenes
from tests.scenes import PRECISION

N_FRAMES = 1_000


@pytest.mark.parametrize(("n_chunks", "blurred"), [(50, False), (2, True)])
def test_motion_within_chunks_is_taken_off_where_it_blurs_them(
    n_chunks: int, blurred: bool
) -> None:
    drift = scenes.smooth(N_FRAMES, extent=20 * PRECISION)
    scene = scenes.visits(scenes.sites(), n=10_000, n_frames=N_FRAMES).drifting(drift)
    edges = np.arange(10, N_FRAMES - 9, 20)  # a sample begins later and ends earlier
    middle = (edges[:-1] + edges[1:] - 1) / 2
    k = len(middle)
    true = scene.drift[middle.astype(int)]
    coarse = Coarse(edges, true, np.ones(k, bool), np.ones(k), np.empty(0, int), middle)
    chunks = scene.chunked(n_chunks)
    found, motion = begun_chunks(WindowFit(chunks, scene.precision, 1), coarse)
    chunk = np.repeat(np.arange(n_chunks), chunks.counts)
    mean = [scene.drift[scene.frames[chunk == i]].mean(axis=0) for i in range(n_chunks)]
    np.testing.assert_allclose(motion.drift[:, :2], mean, atol=0.2 * PRECISION)
    assert (found.positions != chunks.positions).any() == blurred
    left = found.positions - motion.drift[chunk, :2] - scene.positions
    assert (left.std(axis=0) < 0.3 * PRECISION).all()
