"""The kernel that promises most information is chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.pair_kernel import FINE
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.kernel_choice import best_density
from tests import scenes
from tests.methods.overlap.test_density import information, single
from tests.scenes import PRECISION


def test_no_overlap_at_all_has_a_density_of_its_own() -> None:
    """Without a warning of numpy: the logarithm of no information is as small as can be."""
    scene = scenes.background(n=20, n_frames=20, size=1e6)
    events, rows = single(scene)
    best = best_density(events, events.start, rows.timeline.regular(1), scene.precision, 1)
    assert best.kernel in FINE


@pytest.mark.parametrize(
    ("at", "scatter", "background", "factor", "floor"),
    [
        (scenes.lattice(20, 15.0), 1.0, 0.0, 1.0, 0.1),  # wide kernels see no single emitters
        (scenes.sites(1000), 2.0, 0.0, 2.0, 0.1),  # far apart, and less precise than told
        (scenes.sites(300, 2000.0), 1.0, 0.9, None, 1.0),  # chance has its say in the background
    ],
)
def test_the_density_of_most_information_is_chosen(
    at: FloatArray, scatter: float, background: float, factor: float | None, floor: float
) -> None:
    scene = scenes.visits(at, n=12_000, n_frames=800, precision=scatter * PRECISION)
    events, rows = single(scene.with_background(background) if background else scene)
    windows, precision = rows.timeline.regular(20), np.full(2, PRECISION)
    best = best_density(events, events.start, windows, precision, 1)
    assert best.kernel.floor == floor
    assert factor is None or best.kernel.factor == factor
    promised = {
        kernel: information(
            Density.of(events, events.start, precision, kernel, 1).sums(events.start, windows)
        )
        for kernel in FINE
    }
    assert promised[best.kernel] == max(promised.values()) > min(promised.values())
    assert not (best.weight == best.weight[0]).all() or (events.weight == 1).all()


@pytest.mark.parametrize(("apart", "shared", "spread"), [(5.0, 0.0, 0.0), (400.0, PRECISION, 1.0)])
def test_where_localizations_of_a_blink_share_an_error_the_kernel_is_wider_by_it(
    apart: float, shared: float, spread: float
) -> None:
    """As of beads, which are always on: a mean of many is as imprecise as what they share."""
    own = PRECISION / 5
    scene = scenes.visits(scenes.lattice(8, apart), n=8_000, n_frames=800, precision=own)
    error = np.random.default_rng(4).normal(0, shared, scene.positions.shape)
    events, rows = single(replace(scene, positions=scene.positions + error))
    heavy = np.full(len(events.frame), 25.0, np.float32)
    events = replace(events, weight=heavy, axial=heavy)
    windows, precision = rows.timeline.regular(20), np.full(2, PRECISION)
    best = best_density(events, events.start, windows, precision, 1)
    assert best.kernel.spread == spread
