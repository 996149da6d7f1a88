"""What goes wrong in existing tools, and must not here: one test for each that was reproduced."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smlm_accessor  # noqa: F401  (registers .smlm)
from smlm_accessor.drift import build, drift_of
from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.chunks import chunk_edges
from smlm_accessor.timeline import Timeline
from tests.scenes import sites, visits

METHODS = ("icp", "cc")


def sample(n_frames: int = 800, *, d: int = 2, per_frame: int = 8) -> pd.DataFrame:
    """Clusters that do not drift, in a field of 1000, shown in random order."""
    return visits(sites(60, 1000, d), n=n_frames * per_frame, n_frames=n_frames).still


def drifting(table: pd.DataFrame, *velocity: float) -> pd.DataFrame:
    return table.smlm.simulate_drift(velocity=velocity)


def error(table: pd.DataFrame, other: pd.DataFrame) -> float:
    """The largest of the errors of the components."""
    return float(table.smlm.rmse(other).max())


# Locan.


@pytest.mark.parametrize("method", METHODS)
def test_chunks_and_transformations_are_not_off_by_one(method: str) -> None:
    """Locan 0.22 pairs chunks with transformations by their position."""
    locs = sample()
    table = drifting(locs, 0.1, -0.1)
    drift = table.smlm.drift(method=method, n_chunks=8)
    within = 0.1 * 100 / np.sqrt(12)  # the drift in a chunk, that is left by chunk
    assert error(table.smlm.correct(drift, by="chunk"), locs) < within + 0.2
    # Also when the table begins later than the drift, or lacks a chunk.
    for rows in (table["frame"] >= 250, ~table["frame"].between(300, 399)):
        part = table[rows].smlm.correct(drift, by="chunk")
        assert error(part, locs[rows]) < within + 0.2
        whole = table.smlm.correct(drift, by="chunk")[rows]
        pd.testing.assert_frame_equal(part, whole, check_flags=False)


@pytest.mark.parametrize("method", METHODS)
def test_target_previous_is_not_ignored(method: str) -> None:
    """Locan accepts it and goes on with the first chunk.

    Here the structure changes: what the last chunks show was not there in the first.
    """
    centers = sites(150, 1000)
    parts = []
    for k in range(8):
        shown = centers[12 * k : 12 * k + 60]  # four fifths stay for the next chunk
        part = visits(shown, n=1200, n_frames=100, precision=4, seed=k).still
        parts.append(part.assign(frame=part["frame"] + 100 * k))
    locs = pd.concat(parts, ignore_index=True)
    table = drifting(locs, 0.1, -0.05)
    drift = table.smlm.drift(method=method, frames_per_chunk=100, target="previous")
    expected = np.outer(np.arange(8) * 100, [0.1, -0.05])
    found = drift_of(drift).values
    np.testing.assert_allclose(found, expected, atol=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidChunkWarning)
        first = table.smlm.drift(method=method, frames_per_chunk=100, target="first")
    lost = np.abs(drift_of(first).values - expected).max(axis=1)[-2:]
    assert (np.isnan(lost) | (lost > 10)).all()


@pytest.mark.parametrize("velocity", [(0.3, -0.2), (-0.3, 0.2, 0.1)])
def test_velocity_keeps_its_sign_beside_diffusion(velocity: tuple[float, ...]) -> None:
    """Locan turns it round when diffusion is given, too."""
    locs = sample(d=len(velocity))
    axes = list("xyz"[: len(velocity)])
    walk = locs.smlm.simulate_drift(diffusion_constant=0.1, seed=3)
    both = locs.smlm.simulate_drift(diffusion_constant=0.1, velocity=velocity, seed=3)
    steady = np.outer(locs["frame"] - locs["frame"].min(), velocity)
    np.testing.assert_allclose(both[axes] - walk[axes], steady, atol=1e-9)
    np.testing.assert_allclose(
        locs.smlm.simulate_drift(velocity=velocity)[axes] - locs[axes], steady
    )


@pytest.mark.parametrize("n_chunks", [2, 3, 7, 10, 99])
@pytest.mark.parametrize("n", [100, 997, 1000, 1003])
def test_n_chunks_gives_that_many_and_loses_nothing(n: int, n_chunks: int) -> None:
    """Locan gives another number, and can lose a localization."""
    timeline = Timeline.of(np.arange(n) // 3)
    wanted = min(n_chunks, len(timeline.frames))
    per_chunk = timeline.cut(chunk_edges(timeline, n_chunks=wanted)).counts
    assert len(per_chunk) == wanted
    assert per_chunk.sum() == n
    assert per_chunk.min() > 0


@pytest.mark.parametrize("method", METHODS)
def test_the_input_is_not_modified_and_may_be_read_only(method: str) -> None:
    """AIM and COMET modify it; Locan adds in place, which pandas 3 does not allow."""
    table = drifting(sample(), 0.1, -0.1)
    arrays = {name: table[name].to_numpy(copy=True) for name in table}
    for array in arrays.values():
        array.setflags(write=False)
    frozen = pd.DataFrame(arrays, copy=False)
    before = frozen.copy(deep=True)
    drift = frozen.smlm.drift(method=method, n_chunks=4)
    for by in ("chunk", "linear", "cubic"):
        frozen.smlm.correct(drift, by=by)
    frozen.smlm.correct(drift.smlm.fit(offset="spline"))
    frozen.smlm.simulate_drift(velocity=1.0, diffusion_constant=1.0, seed=1)
    pd.testing.assert_frame_equal(frozen, before)
    assert frozen.attrs == {}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", ["spline", "linear", None])
def test_a_chunk_that_fails_does_not_leave_the_table_uncorrected(
    method: str, model: str | None
) -> None:
    """In Locan its NaN turns the whole spline into NaN, and nothing is corrected or said."""
    locs = sample()
    locs = locs[~locs["frame"].between(300, 399)]
    table = drifting(locs, 0.1, -0.1)
    with pytest.warns(InvalidChunkWarning, match="chunk 3"):
        drift = table.smlm.drift(method=method, frames_per_chunk=100)
    fixed = table.smlm.correct(drift if model is None else drift.smlm.fit(offset=model))
    assert np.isfinite(fixed[["x", "y"]]).all(axis=None)
    assert error(table, locs) > 20
    assert error(fixed, locs) < 0.7


def test_shifts_are_not_rounded_to_bins() -> None:
    """Locan's cross-correlation gives whole bins by default."""
    table = drifting(sample(), 0.0, 0.0)
    table.loc[table["frame"] >= 400, ["x", "y"]] += [3.3, -2.2]
    drift = table.smlm.drift(method="cc", n_chunks=2)
    bin_size = json.loads(drift.attrs["parameters"])["bin_size"]
    found = drift_of(drift).values[1]
    assert bin_size > 3  # so that whole bins could not do it
    np.testing.assert_allclose(found, [3.3, -2.2], atol=0.5)


def test_images_do_not_wrap_round() -> None:
    """Without padding, a shift of more than half the field comes out on the other side."""
    table = sample(per_frame=20)
    table = table[table[["x", "y"]].abs().max(axis=1) < 500]
    table.loc[table["frame"] >= 400, "x"] += 620.0
    drift = table.smlm.drift(method="cc", n_chunks=2)
    np.testing.assert_allclose(drift_of(drift).values[1], [620, 0], atol=1)


# DME, Picasso, AIM, COMET.


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by", ["cubic", "linear", "spline"])
def test_chunks_are_placed_at_their_frames_and_the_ends_are_corrected(method: str, by: str) -> None:
    """DME puts the windows at wrong frames and drops the last half window."""
    locs = sample()
    # Many more localizations early in each chunk: its mean frame is not its middle.
    early = locs["frame"] % 200 < 50
    locs = pd.concat([locs[early], locs[~early].iloc[::6]]).sort_values("frame", kind="stable")
    table = drifting(locs, 0.1, -0.1)
    drift = table.smlm.drift(method=method, frames_per_chunk=200)
    counted = locs.groupby((locs["frame"] - locs["frame"].min()) // 200)["frame"].mean()
    np.testing.assert_allclose(drift["frame"], counted)
    correction: Any = drift.smlm.fit(offset="spline") if by == "spline" else drift
    fixed = table.smlm.correct(correction, **({} if by == "spline" else {"by": by}))
    left = (fixed - locs).assign(frame=locs["frame"])
    left[["x", "y"]] -= left[["x", "y"]].mean()
    for part in (left["frame"] < 25, left["frame"] >= 775):
        assert left.loc[part, ["x", "y"]].mean().abs().max() < 1.2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["first", "previous", "all"])
def test_an_empty_chunk_is_not_a_shift_of_zero(method: str, target: str) -> None:
    """Picasso gives it a zero, without a word."""
    table = drifting(sample(), 0.1, -0.1)
    table = table[~table["frame"].between(400, 499)]
    with pytest.warns(InvalidChunkWarning, match="chunk 4 .*0 localizations") as caught:
        drift = table.smlm.drift(method=method, frames_per_chunk=100, target=target)
    assert len(caught) == 1
    assert np.isnan(drift["offset"][4]).all()
    assert drift["valid"].values.tolist() == [True] * 4 + [False] + [True] * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table.smlm.correct(drift)


@pytest.mark.parametrize("rule", [{"n_chunks": 7}, {"chunk_size": 900}, {"frames_per_chunk": 111}])
def test_the_last_frame_is_not_left_out(rule: dict[str, int]) -> None:
    """Picasso leaves it out."""
    locs = sample()
    table = drifting(locs, 0.1, -0.1)
    drift = table.smlm.drift(method="icp", **rule)
    last = int(table["frame"].max())
    assert int(drift["n_localizations"].sum()) == len(table)
    assert drift["frame_stop"].values[-1] == last + 1
    moved = table.smlm.correct(drift, outside="error")["x"] - table["x"]
    assert (moved[table["frame"] == last] < -70).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["first", "previous", "all"])
@pytest.mark.parametrize("left", [1, 10])  # methods see neither: tests/estimation
@pytest.mark.parametrize("k", [0, 4])
def test_too_few_localizations_in_a_chunk_do_not_send_the_result_away(
    method: str, target: str, left: int, k: int
) -> None:
    """AIM gives tens of micrometres for too short a segment."""
    table = drifting(sample(), 0.1, -0.1)
    few = table[table["frame"] // 100 == k].iloc[:left]
    table = pd.concat([table[table["frame"] // 100 != k], few])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidChunkWarning)
        drift = table.smlm.drift(method=method, chunks=range(0, 801, 100), target=target)
    found = drift_of(drift).values
    expected = np.outer(np.arange(8) * 100, [0.1, -0.1])
    others = [j for j in range(1, 8) if j != k]
    difference = found - expected
    assert drift["valid"].values[others].all()
    assert np.abs(difference[others] - difference[others].mean(axis=0)).max() < 1.5
    # It is said to have failed, or is within a structure's width of the truth.
    own = np.abs(difference[k] - difference[others].mean(axis=0)).max()
    assert not drift["valid"].values[k] or own < 15


@pytest.mark.parametrize("method", METHODS)
def test_large_3d_fields_do_not_overflow(method: str) -> None:
    """AIM's int32 keys do: ten millimetres across in nanometres, far from the origin."""
    rng = np.random.default_rng(2)
    centers = rng.uniform(0, 1e7, (200, 3))
    frames = np.sort(rng.integers(400, size=6000))
    positions = 1e9 + centers[rng.integers(200, size=6000)] + rng.normal(0, 5e4, (6000, 3))
    locs = pd.DataFrame(positions, columns=list("xyz")).assign(frame=frames)
    table = drifting(locs, 500.0, -300.0, 200.0)
    drift = table.smlm.drift(method=method, n_chunks=4)
    centred = drift["frame"].values - drift["frame"].values[0]
    found = drift_of(drift).values
    np.testing.assert_allclose(found, np.outer(centred, [500, -300, 200]), atol=1.5e4)


@pytest.mark.parametrize("by", ["cubic", "spline"])
def test_a_cubic_does_not_swing_at_the_ends_or_at_a_jump(by: str) -> None:
    """Picasso and COMET interpolate by a free cubic spline."""
    frame = np.array([50.0, 150, 250, 350, 450, 550])
    offset = np.zeros((6, 2))
    offset[3:, 0] = 100.0
    drift = build(
        offset=offset,
        components="xy",
        frame=frame,
        frame_start=frame - 50,
        frame_stop=frame + 50,
        offset_std=0.1,
    )
    frames = np.arange(-600, 1200)
    table = pd.DataFrame({"frame": frames, "x": 0.0, "y": 0.0})
    correction: Any = drift.smlm.fit(offset="spline") if by == "spline" else drift
    for outside in ("hold", "linear"):
        x = table.smlm.correct(correction, outside=outside)["x"]
        inside = x[(frames >= 0) & (frames < 600)]
        if by == "cubic":
            assert inside.between(0, 100).all()
        for beyond in (frames < 0, frames >= 600):
            steps = np.diff(x[beyond])
            assert np.ptp(steps) < 1e-9  # straight
            assert outside == "linear" or not steps.any()


def test_coordinates_are_not_truncated_to_integers() -> None:
    """COMET casts them through an integer dtype."""
    table = sample().astype(int)
    drift = build(
        offset=[[0.25, -0.75]] * 2,
        components="xy",
        frame=[200, 600],
        frame_start=[0, 400],
        frame_stop=[400, 800],
    )
    fixed = table.smlm.correct(drift)
    np.testing.assert_array_equal(fixed["x"] - table["x"], 0.25)
    np.testing.assert_array_equal(fixed["y"] - table["y"], -0.75)
    moved = table.smlm.simulate_drift(velocity=(0.25, 0.0))
    np.testing.assert_array_equal(
        moved["x"] - table["x"], 0.25 * (table["frame"] - table["frame"].min())
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["first", "previous", "all"])
def test_drift_larger_than_the_spacing_of_the_structure(method: str, target: str) -> None:
    """COMET, DME and Locan's icp lock onto the wrong neighbour without a coarse start."""
    locs = sample(n_frames=1600)
    table = drifting(locs, 0.2, -0.15)  # 400 in all; the next cluster is 65 away
    drift = table.smlm.drift(method=method, n_chunks=16, target=target)
    assert drift["valid"].all()
    assert error(table.smlm.correct(drift), locs) < (2.0 if target == "previous" else 0.7)
