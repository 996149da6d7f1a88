"""How wrong windows beside a jump may be: as wrong as they are, in the mean over many tables."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.jumps.errors import jump_errors
from smlm_accessor.methods.overlap.jumps.placing import JumpRange, place_jumps
from smlm_accessor.timeline import Windows
from tests import scenes

N_FRAMES, STEP = 6_000, np.array([300.0, -150.0])


def squares(
    per_frame: float, *, on: float = 1.0, background: float = 0.2, seed: int = 0, told: bool = False
) -> tuple[FloatArray, FloatArray, Windows]:
    """Square of the error of each window, along x, once its jump is placed; and what is said."""
    at = 2_900 + 37 * seed % 200
    scene = scenes.blinking(
        scenes.sites(60, seed=seed), n_frames=N_FRAMES, per_frame=per_frame, on=on, seed=seed
    ).with_background(background, seed=seed)
    scene = scene.drifting(scenes.jumping(np.zeros((N_FRAMES, 2)), {at: STEP}))
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    if told:
        here = rows.timeline.frames[rows.timeline.frames >= at][:1]
        rows = WeightedLocalizations(
            *(rows.positions, rows.frame, rows.weight, rows.axial),
            rows.timeline.with_jumps(here),
        )
    true = scene.drift[rows.timeline.frames]
    events = rows.events(true, scene.precision, rows.timeline.segment)
    density = Density.of(events, true, scene.precision, COARSE, 1)
    near = np.searchsorted(rows.timeline.frames, [at - 150, at + 150])
    known = np.zeros((int(near[1] - near[0]), 2))
    ranges = [] if told else [JumpRange(int(near[0]), int(near[1]), known, known + STEP)]
    timeline, drift = place_jumps(ranges, true, density, rows)
    windows = timeline.regular(20)
    wrong = windows.mean(drift - true)[:, 0] ** 2
    return wrong, jump_errors(drift, windows, density, rows)[:, 0], windows


@pytest.mark.parametrize(
    ("per_frame", "on", "least"),
    [(0.4, 1.0, 0.3), (1.0, 1.0, 0.6), (1.0, 5.0, 0.35)],
)
def test_errors_are_no_larger(per_frame: float, on: float, least: float) -> None:
    """Of blinks, what they lie on counts as one observation, though they have several."""
    wrong, said = 0.0, 0.0
    for seed in range(100):
        errors, expected, _ = squares(per_frame, on=on, seed=seed)
        wrong, said = wrong + errors.sum(), said + expected.sum()
    assert least < wrong / said < 1.3


def test_with_many_localizations_the_frame_is_known() -> None:
    errors, expected, windows = squares(30.0)
    assert not errors.any()
    assert np.sqrt(expected.max()) < 0.1
    assert len(windows.timeline.jumps) == 1


def test_they_are_zero_away_from_the_jump() -> None:
    _, expected, windows = squares(0.3)
    beside = np.abs(windows.mean_frame - windows.timeline.jumps[0]) < 500
    assert expected[beside].any()
    assert not expected[~beside].any()


def test_a_jump_that_is_told_is_where_it_is() -> None:
    _, expected, windows = squares(0.3, told=True)
    assert len(windows.timeline.jumps) == 1
    assert not expected.any()
