"""The drift while rows are added, on tables whose drift is known."""

from __future__ import annotations

import time
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.errors import OptionError
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.estimation.following.follower import Follower
from tests import scenes

N, HALF = 2000, 1200
STEP = 80  # frames of an update


@cache
def scene(jump: float = 0.0) -> scenes.Scene:
    drift = scenes.random_walk(N, 0.15, seed=2)
    drift[1450:] += jump
    return scenes.blinking(scenes.sites(100), n_frames=N, per_frame=5, seed=1).drifting(drift)


def parts(table: pd.DataFrame) -> list[pd.DataFrame]:
    """All up to some frame, and what comes after, bit by bit."""
    edges = [0, *range(HALF, N + 1, STEP)]
    return [table[(table.frame >= a) & (table.frame < b)] for a, b in pairwise(edges)]


def added(table: pd.DataFrame, growth: float = 9.0) -> Follower:
    follower = Follower(growth=growth)
    for part in parts(table):
        follower.update(part)
    return follower


@cache
def followed() -> Follower:
    """All rows after the first 1200 frames are registered onto these."""
    return added(scene().moved)


@cache
def whole() -> xr.Dataset:
    return estimate_drift(scene().moved)


def by_frame(drift: xr.Dataset) -> np.ndarray:
    columns = [np.interp(np.arange(N), drift["frame"], x) for x in drift["offset"].values.T]
    return np.stack(columns, axis=1)


def test_new_rows_are_as_precise_as_offset_std_says() -> None:
    drift = followed().drift
    assert drift["valid"].all()
    assert drift["frame_stop"].values[-1] == N
    assert int(drift["n_localizations"].sum()) == len(scene().moved)
    z = scene().z_scores(drift)
    new = drift["frame"].values >= HALF
    assert new.sum() > 60
    for of in (new, ~new):
        assert 0.8 < np.sqrt(np.mean(z[of] ** 2)) < 1.25


def test_it_is_near_what_all_rows_give() -> None:
    away = by_frame(followed().drift) - by_frame(whole())
    std = np.median(whole()["offset_std"], axis=0)
    assert (np.std(away, axis=0) < 0.5 * std).all()


def test_a_jump_between_two_updates_or_in_one_is_followed() -> None:
    """By 400 precisions; in frame 1450, ten frames after an update began."""
    drift = added(scene(2000.0).moved).drift
    at = drift["frame"].values.astype(int)
    away = -drift["offset"].values - scene(2000.0).drift[at]
    away -= away[at < HALF].mean(axis=0)
    later = at >= 1455
    assert later.sum() > 50
    assert drift["valid"].all()
    assert len(np.unique(drift["segment"])) == 2
    for part in (later, (at >= HALF) & (at < 1445)):
        assert np.sqrt(np.mean(away[part] ** 2)) < 1


def test_what_lies_on_nothing_is_not_valid() -> None:
    follower = Follower(growth=9.0)
    first, *_ = parts(scene().moved)
    follower.update(first)
    rng = np.random.default_rng(1)
    noise = pd.DataFrame({"frame": np.sort(rng.integers(HALF, HALF + STEP, 400))})
    noise[["x", "y"]] = rng.uniform(-2500, 2500, (400, 2))
    drift = follower.update(noise)
    assert drift is not None
    new = drift["frame"].values >= HALF
    assert not drift["valid"].values[new].any()
    assert drift["valid"].values[~new].all()
    table = scene().moved
    drift = follower.update(table[(table.frame >= HALF + STEP) & (table.frame < HALF + 2 * STEP)])
    assert drift is not None
    assert drift["valid"].values[drift["frame"].values >= HALF + STEP].all()


def test_how_precise_it_will_be_is_what_it_becomes() -> None:
    """From three fifths of the movie; more rows, more precise."""
    end = float(np.sqrt(np.mean(np.median(whole()["offset_std"], axis=0) ** 2)))
    assert followed().std_at_end(N) == pytest.approx(end, rel=0.1)
    assert followed().std_at_end(N, n_rows=10 * len(scene().moved)) < followed().std_at_end(N)


def test_from_a_quarter_of_the_movie_it_is_told_how_precise_the_whole_will_be() -> None:
    """But for its rates, which a quarter knows to a third: so the mean of some movies."""
    told = []
    for seed in range(1, 4):
        blinks = scenes.blinking(scenes.sites(100), n_frames=N, per_frame=5, seed=seed)
        table = blinks.drifting(scenes.random_walk(N, 0.15, seed=seed + 1)).moved
        end = np.sqrt(np.mean(np.median(estimate_drift(table)["offset_std"], axis=0) ** 2))
        quarter = Follower()
        quarter.update(table[table.frame < N // 4])
        told.append(np.log(quarter.std_at_end(N) / end))
        assert quarter.std_at_end(N, n_rows=10 * len(table)) < quarter.std_at_end(N)
    assert abs(np.mean(told)) < 0.25


def test_all_rows_are_estimated_when_they_have_grown_and_at_the_end() -> None:
    follower = Follower(growth=1.3)
    waiting = []
    for part in parts(scene().moved):
        follower.update(part)
        waiting.append(follower.n_waiting)
    assert waiting.count(0) == 2
    assert max(waiting) < 0.3 * follower.n_rows
    assert "rows since all were estimated" in repr(follower)
    assert (scene().error(follower.drift) < 1.1 * scene().error(whole())).all()
    np.testing.assert_allclose(follower.finish()["offset"], whole()["offset"], atol=1e-9)


def test_without_waiting_an_estimate_is_taken_over_when_it_has_ended() -> None:
    follower = Follower(growth=1.3, wait=False)
    first, *others = parts(scene().moved)
    assert follower.update(first) is None
    for rows in (pd.concat(others[:-1]), others[-1]):
        for _ in range(400):
            if follower._thread is None or not follower._thread.is_alive():
                break
            time.sleep(0.05)
        assert follower.update(rows) is not None
    assert follower.n_rows == len(scene().moved)
    assert (scene().error(follower.drift) < 1.2 * scene().error(whole())).all()


def test_seconds_in_another_unit_give_the_same() -> None:
    """Times of 50 ms, counted from 7 s."""
    follower = Follower(growth=9.0)
    for part in parts(scene().moved):
        follower.update(part.assign(t=7 + 0.05 * part.frame).drop(columns="frame"))
    found, other = follower.drift, followed().drift
    assert found["time_stop"].values[-1] == pytest.approx(7 + 0.05 * (N - 1), abs=0.051)
    np.testing.assert_allclose(found["offset"], other["offset"], atol=0.01)
    np.testing.assert_allclose(found["offset_std"], other["offset_std"], rtol=0.01)
    assert follower.std_at_end(0.05 * N) == pytest.approx(followed().std_at_end(N), rel=0.02)


def test_rows_are_corrected_and_rows_that_come_late_count_later() -> None:
    table = scene().moved
    first, second, *_ = parts(table)
    late = first.sample(200, random_state=1)
    follower = Follower(growth=9.0)
    follower.update(first.drop(late.index))
    follower.update(second)
    before = follower.drift
    after = follower.update(late)
    assert after is not None
    assert after.sizes == before.sizes
    assert follower.n_rows == len(first) + len(second)
    fixed = follower.correct(second)
    assert list(fixed.index) == list(second.index)
    away = fixed[["x", "y"]] - scene().still.loc[fixed.index, ["x", "y"]]
    assert (away.std() < 1.5).all()
    assert len(follower.correct()) == follower.n_rows


def test_rows_that_cannot_be_registered_wait_for_the_next_estimate() -> None:
    """Of some z is missing, of all others x and y."""
    scene = scenes.blinking(scenes.sites(80, d=3), n_frames=900, per_frame=3, seed=1)
    table = scene.moved
    table.loc[::7, "z"] = np.nan
    follower = Follower()
    drift = follower.update(table[table.frame < 500])
    assert drift is not None
    assert np.isnan(follower.std_at_end(900))
    later = follower.update(table[(table.frame >= 500) & (table.frame < 550)])
    assert later is drift
    last = follower.update(table[table.frame >= 550])
    assert last is not None
    assert last["frame_stop"].values[-1] == 900


def test_errors_say_what_to_do() -> None:
    with pytest.raises(OptionError, match="cannot be followed with method, n_chunks; estimate"):
        smlm_accessor.follow(method="rcc", n_chunks=3)
    with pytest.raises(OptionError, match="growth"):
        smlm_accessor.follow(growth=1.0)
    follower = smlm_accessor.follow()
    assert "no drift yet" in repr(follower)
    assert follower.update(scene().moved[:100]) is None
    with pytest.raises(OptionError, match="100 rows cannot be told yet"):
        _ = follower.drift
    with pytest.raises(OptionError, match="other columns"):
        follower.update(scene().moved.rename(columns={"x": "x [nm]", "y": "y [nm]"}))
