"""How localizations of a window depend on each other."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods.aim.dependence import dependence
from tests import scenes
from tests.methods.aim.windows import fitted

N_FRAMES = 1_000


@pytest.mark.parametrize("repeats", [1, 3, 6])
def test_localizations_that_are_repeated_count_once(repeats: int) -> None:
    """Of ``n`` equal localizations, the variance is ``n`` times that of independent ones.

    What localizations of a molecule share, its position in the image, adds a seventh.
    """
    found = []
    for seed in range(5):
        scene = scenes.visits(scenes.sites(400), n=4_000, n_frames=N_FRAMES, seed=seed)
        scene = scene.kept(np.repeat(np.arange(4_000), repeats))
        found.append(dependence(*fitted(scene))[:2])
    np.testing.assert_allclose(np.mean(found), 8 / 7 * repeats, rtol=0.1)
