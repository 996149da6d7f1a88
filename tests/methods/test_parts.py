"""Tables in parts that share nothing, or a little: NaN with a warning, or right; in rcc and aim."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.estimate import estimate_drift
from tests import scenes
from tests.scenes import Scene

METHODS = ("rcc", "aim")
APART = "shares no more structures|does not stand out"


def in_turn(parts: list[Scene], drifts: list[FloatArray]) -> Scene:
    """Show several samples one after the other, each with its own drift."""
    begins = np.cumsum([0, *(len(drift) for drift in drifts[:-1])])
    first, d = parts[0], parts[0].positions.shape[1]
    return Scene(
        np.concatenate([p.frames + b for p, b in zip(parts, begins, strict=True)]),
        np.concatenate([p.positions for p in parts]),
        np.concatenate([p.emitter for p in parts]),
        *(np.zeros((0, d)), first.precision, np.concatenate(drifts)),
    )


def two_parts(share: float, seed: int, *, early: float = 0.4, jump: Any = (150, -90)) -> Scene:
    """Two samples in one field, with some molecules in both; the sample drifts, and jumps."""
    n_frames, n_sites = 6_000, 250 + 100 * seed
    early_frames, shared = int(early * n_frames), round(share * n_sites)
    at = scenes.sites(2 * n_sites - shared, 5_000 + 1_000 * seed, seed=seed)
    drift = scenes.jumping(scenes.linear(n_frames, (0.008, -0.005)), {early_frames: jump})
    lengths = early_frames, n_frames - early_frames
    shows = at[:n_sites], at[n_sites - shared :]
    parts = [
        scenes.visits(show, n=2 * length, n_frames=length, precision=8 + 4 * seed, seed=seed + k)
        for k, (show, length) in enumerate(zip(shows, lengths, strict=True))
    ]
    return in_turn(parts, np.split(drift, [early_frames]))


def slices(seed: int, *, thick: float, step: float, sloping: bool = False) -> Scene:
    """Four slices of a thick sample, the stage higher each time, and it drifts besides.

    The sample has molecules anywhere, or on lines that go through several slices.
    """
    rng, n_frames, n, size = np.random.default_rng(seed), 1_500, 4_000, 5_000.0
    low, high = -thick / 2, 3 * step + thick / 2
    at = np.column_stack([rng.uniform(0, size, (2_000, 2)), rng.uniform(low, high, 2_000)])
    if sloping:
        start, along = rng.uniform(0, size, (2, 30, 2))
        line = rng.integers(30, size=2_000)
        up = (at[:, 2] - low) / (high - low)
        at[:, :2] = start[line] + (along - start)[line] * up[:, None]
    stage = np.vstack([np.zeros(3), rng.normal(0, [60, 60, 25], (3, 3))]).cumsum(axis=0)
    parts = [
        scenes.visits(
            at[np.abs(at[:, 2] - step * k) < thick / 2],
            n=n,
            n_frames=n_frames,
            precision=10,
            seed=k,
        )
        for k in range(4)
    ]
    slow = scenes.linear(n_frames, (0.01, -0.01, 0.008))
    return in_turn(parts, [slow + level for level in stage])


def assert_right(scene: Scene, found: xr.Dataset, *, within: float = 15.0) -> None:
    """Chunks that are valid are right to five standard deviations, or about one precision."""
    chunk = np.searchsorted(found["frame_stop"].values, scene.frames, side="right")
    counts = np.bincount(chunk, minlength=found.sizes["chunk"])
    columns = [np.bincount(chunk, x, len(counts)) for x in scene.drift[scene.frames].T]
    true = np.stack(columns, axis=1) / np.maximum(counts, 1)[:, None]
    use = found["valid"].values & (counts > 0)
    if not use.any():
        return
    error = (found["offset"].values + true)[use]
    error -= np.average(error, axis=0, weights=counts[use])
    assert (np.abs(error) < np.maximum(5 * found["offset_std"].values[use], within)).all()


@pytest.mark.parametrize(("seed", "told"), [(1, True), (2, False)])
@pytest.mark.parametrize("method", METHODS)
def test_parts_that_share_nothing_are_nan_and_named(method: str, seed: int, told: bool) -> None:
    scene, early = two_parts(0.0, seed), 2_400
    with pytest.warns(InvalidChunkWarning, match=APART) as caught:
        found = estimate_drift(scene.moved, method=method, segments=[early] if told else None)
    assert "frames 0 to " in str(caught[0].message)
    valid = found["valid"].values
    later = found["frame_start"].values >= early
    # The later part is the larger one, and is right by itself.
    assert not valid[~later].any()
    assert valid[later].mean() > 0.7
    assert np.isnan(found["offset"].values[~valid]).all()
    assert_right(scene, found)


@pytest.mark.parametrize(("seed", "told"), [(1, True), (2, False)])
@pytest.mark.parametrize("method", METHODS)
def test_a_jump_between_parts_that_share_an_eighth_is_found(
    method: str, seed: int, told: bool
) -> None:
    scene, early = two_parts(0.125, seed), 2_400
    found = estimate_drift(scene.moved, method=method, segments=[early] if told else None)
    assert found["valid"].values.mean() > 0.95
    assert_right(scene, found)


@pytest.mark.parametrize("method", METHODS)
def test_two_colours_one_after_the_other_are_two_parts(method: str) -> None:
    n_frames = 3_000
    lines = scenes.visits(scenes.filaments(15), n=9_000, n_frames=n_frames)
    rings = scenes.visits(scenes.rings(60, 4_000), n=6_000, n_frames=n_frames, seed=2)
    slow = scenes.linear(n_frames)
    scene = in_turn([lines, rings], [slow, slow + np.array([40, 70])])
    with pytest.warns(InvalidChunkWarning, match=APART):
        found = estimate_drift(scene.moved, method=method, segments=[n_frames])
    early, valid = found["frame_start"].values < n_frames, found["valid"].values
    assert valid.any()
    assert valid[early].any() != valid[~early].any()
    assert_right(scene, found)


@pytest.mark.parametrize("sloping", [False, True])
@pytest.mark.parametrize(("seed", "thick", "step"), [(1, 800, 400)])
@pytest.mark.parametrize("method", METHODS)
def test_slices_of_a_stage_that_moves_on_are_matched_by_their_structure(
    method: str, seed: int, thick: float, step: float, sloping: bool
) -> None:
    """What is in focus moves through the sample; it is no structure that stays."""
    scene = slices(seed, thick=thick, step=step, sloping=sloping)
    chunks = None if sloping else 16
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidChunkWarning)
        found = estimate_drift(scene.moved, method=method, n_chunks=chunks)
    assert found["valid"].values.mean() > 0.7
    assert_right(scene, found)


@pytest.mark.parametrize("method", METHODS)
def test_slices_that_share_nothing_are_nan(method: str) -> None:
    scene = slices(3, thick=400, step=450)
    with pytest.warns(InvalidChunkWarning):
        found = estimate_drift(scene.moved, method=method, n_chunks=12)
    assert found["valid"].values.mean() < 0.4
    assert_right(scene, found)


def test_a_warning_names_parts_by_the_frames_or_times_of_the_table() -> None:
    moved = two_parts(0.0, 1).moved
    timed = moved.drop(columns="frame").assign(time=moved["frame"] * 0.05 + 7)
    named = {
        "frames": r"seen in the frames (\d+) to (\d+)",
        "s": r"seen in ([\d.]+) s to ([\d.]+) s",
    }
    found = {}
    for unit, table in (("frames", moved.assign(frame=moved["frame"] * 10 + 3)), ("s", timed)):
        with pytest.warns(InvalidChunkWarning, match=named[unit]) as caught:
            estimate_drift(table, method="overlap")
        words = re.search(named[unit], str(caught[0].message))
        assert words is not None
        found[unit] = [float(word) for word in words.groups()]
    first, last = ((at - 3) / 10 for at in found["frames"])
    assert found["s"] == pytest.approx([first * 0.05 + 7, last * 0.05 + 7])
    assert {first, last} & {float(moved["frame"].min()), float(moved["frame"].max())}
