"""Rows added bit by bit, or at once, to an estimate whose drift is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.estimation.continuing.basis import Basis
from smlm_accessor.estimation.continuing.continuation import Continuation
from smlm_accessor.estimation.estimate import estimate_drift
from tests import scenes

N, FIRST = 2000, 1500


@cache
def known() -> tuple[scenes.Scene, Basis]:
    """Sites that go to and fro by ten precisions, also after the frames that are known."""
    drift = scenes.random_walk(N, 0.15, seed=2) + 50 * np.sin(np.arange(N) / 120)[:, None]
    scene = scenes.blinking(scenes.sites(100), n_frames=N, per_frame=6, seed=1).drifting(drift)
    table = scene.moved[scene.moved.frame < FIRST]
    basis = Basis.of(table, estimate_drift(table))
    assert basis is not None
    return scene, basis


def after(a: int, b: int = N) -> pd.DataFrame:
    table = known()[0].moved
    return table[(table.frame >= a) & (table.frame < b)]


def test_without_rows_it_is_the_estimate() -> None:
    continuation = Continuation(known()[1])
    continuation.register(after(FIRST)[:0])
    continuation.register(after(0, FIRST))  # known already
    assert continuation.added is None
    assert continuation.drift().identical(known()[1].drift)


def test_a_drift_far_beyond_what_is_seen_at_once_is_followed() -> None:
    scene, basis = known()
    once, bits = Continuation(basis), Continuation(basis)
    once.register(after(FIRST))
    for a in range(FIRST, N, 50):
        bits.register(after(a, a + 50))
    for continuation in (once, bits):
        drift = continuation.drift()
        assert drift["valid"].all()
        assert drift["frame_stop"].values[-1] == N
        assert int(drift["n_localizations"].sum()) == len(scene.moved)
        z = scene.z_scores(drift)[drift["frame"].values >= FIRST]
        assert np.sqrt(np.mean(z**2)) < 1.5


@pytest.mark.parametrize("seed", range(1, 4))
def test_of_rows_too_few_to_follow_a_fast_drift_none_is_wrong_without_a_word(seed: int) -> None:
    """Between two of them it moves by more than is seen: what comes then is not valid."""
    few, drift = 2000, scenes.restless(3000)
    scene = scenes.blinking(scenes.sites(150), n_frames=3000, per_frame=8, seed=seed)
    scene = scene.drifting(drift).with_background(0.2, seed)
    kept = np.random.default_rng(seed + 100).random(len(scene.frames)) < 0.01
    table = scene.kept((scene.frames < few) | kept).moved
    start = table[table.frame < few]
    basis = Basis.of(start, estimate_drift(start))
    assert basis is not None
    continuation = Continuation(basis)
    continuation.register(table[table.frame >= few])
    found = continuation.drift()
    valid = found["valid"].values
    frame = found["frame"].values
    away = -found["offset"].values - drift[np.round(frame).astype(int)]
    away -= away[frame < few].mean(axis=0)
    late = valid & (frame >= few)
    assert late.any()
    assert not valid.all()
    z = away[late] / found["offset_std"].values[late]
    assert np.sqrt(np.mean(z**2)) < 2.0
