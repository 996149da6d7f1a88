from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smlm_accessor  # noqa: F401 - registers .smlm

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = 81  # a world of 7,000 localizations, seed 1


def module(name: str) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return import_module(name)


@pytest.fixture(scope="module")
def random_worlds() -> ModuleType:
    return module("random_worlds")


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    return module("oracle")


@pytest.fixture(scope="module")
def worlds() -> ModuleType:
    return module("worlds")


@pytest.fixture(scope="module")
def summary() -> ModuleType:
    return module("world_summary")


@pytest.fixture(scope="module")
def plain(random_worlds: ModuleType) -> Any:
    return replace(
        random_worlds.draw(1, 1),
        structures=("single emitters",),
        dimension=2,
        field_um=20.0,
        frames=10_000,
        localizations=40_000,
        blink=3.0,
        visits=20.0,
        fewer_late=1.0,
        life=float("inf"),
        background=0.2,
        precision=8.0,
        uncertainty=True,
        drifts=("linear",),
        amplitude=100.0,
        jump_frames=(4_000,),
        jumps=(300.0,),
    )


def test_a_seed_gives_one_world(random_worlds: ModuleType) -> None:
    np.random.default_rng(5).random()
    first = random_worlds.draw(3, 7)
    random_worlds.draw(3, 8)
    assert random_worlds.draw(3, 7) == first != random_worlds.draw(3, 8) != random_worlds.draw(4, 7)
    small = replace(first, localizations=8_000)
    one, again = random_worlds.simulate(small), random_worlds.simulate(small)
    pd.testing.assert_frame_equal(one.table, again.table)
    np.testing.assert_array_equal(one.still, again.still)
    np.testing.assert_array_equal(one.drift, again.drift)


def test_worlds_are_in_the_ranges(random_worlds: ModuleType) -> None:
    w = random_worlds
    drawn = [w.draw(9, number) for number in range(200)]
    for name, (low, high) in {
        "field_um": w.FIELD_UM,
        "frames": w.FRAMES,
        "localizations": w.LOCALIZATIONS,
        "blink": w.BLINK,
        "visits": w.VISITS,
        "background": w.BACKGROUND,
        "precision": w.PRECISION,
        "photon_spread": w.PHOTON_SPREAD,
    }.items():
        values = np.array([getattr(world, name) for world in drawn])
        assert low <= values.min()
        assert values.max() <= high
        assert np.ptp(values) > 0.7 * (high - low)
    for world in drawn:
        assert world.dimension in (2, 3)
        assert world.axial == 1 or (world.dimension == 3 and 2 <= world.axial <= 3)
        assert world.fewer_late == 1 or 1.5 <= world.fewer_late <= 6
        assert world.life == float("inf") or 0.02 <= world.life <= 0.5
        assert (world.amplitude == 0) == (world.drifts == ("none",))
        assert world.amplitude == 0 or 10 <= world.amplitude <= 1_500
        assert all(60 <= size <= 1_500 for size in world.jumps)
        assert all(0.1 * world.frames < at < 0.9 * world.frames for at in world.jump_frames)
        assert sorted(world.jump_frames) == list(world.jump_frames)
        assert world.sites >= w.FEWEST_SITES - 1
        density = world.localizations / world.frames / world.field_um**2
        assert density <= w.MOST_DENSE
        assert "\n" not in str(world)
    for name in ("fewer_late", "life", "uncertainty", "dimension", "axial", "background"):
        assert len({getattr(world, name) for world in drawn}) > 1
    assert {name for world in drawn for name in world.structures} == set(w.STRUCTURES)
    assert {name for world in drawn for name in world.drifts} == set(w.DRIFTS)
    assert {len(world.structures) > 1 for world in drawn} == {True, False}
    assert {len(world.jumps) for world in drawn} == {0, 1, 2, 3}


@pytest.mark.parametrize("dimension", [2, 3])
def test_every_structure_fills_the_field(random_worlds: ModuleType, dimension: int) -> None:
    size = np.array([20_000.0, 20_000.0, 600.0])[:dimension]
    for name, make in random_worlds.STRUCTURES.items():
        sites = make(2_000, size, 8.0, np.random.default_rng(2))
        assert sites.shape[1] == dimension, name
        assert 0.7 * 2_000 < len(sites) < 1.3 * 2_000, name
        assert (np.ptp(sites[:, :2], axis=0) > 0.5 * size[:2]).all(), name
        assert (np.abs(sites / size - 0.5) < 1.5).all(), name


@pytest.mark.parametrize("number", [1, 6, 16, 20])  # 3D, life, jumps, fewer visits late
def test_a_table_agrees_with_its_world(random_worlds: ModuleType, number: int) -> None:
    world = random_worlds.draw(1, number)
    sample = random_worlds.simulate(world)
    table, frames = sample.table, sample.table["frame"].to_numpy()
    assert frames.min() >= 0
    assert frames.max() < len(sample.drift) == world.frames
    assert table["frame"].is_monotonic_increasing
    assert len(table) == pytest.approx(world.localizations, rel=0.1)
    moved = table[sample.axes].to_numpy() - sample.still
    np.testing.assert_allclose(moved, sample.drift[frames], atol=1e-6)
    assert ("uncertainty_x" in table) == world.uncertainty
    assert (table.smlm.columns.uncertainty_x is not None) == world.uncertainty
    emitted = sample.site >= 0
    assert 1 - emitted.mean() == pytest.approx(world.background, abs=0.001)
    pairs = np.stack([sample.site[emitted], frames[emitted]])
    assert np.unique(pairs, axis=1).shape == pairs.shape  # a site has one localization in a frame


def test_localizations_scatter_about_their_site_as_stated(
    random_worlds: ModuleType, plain: Any
) -> None:
    sample = random_worlds.simulate(plain)
    emitted = sample.site >= 0
    still = pd.DataFrame(sample.still[emitted] / sample.std[emitted])
    off = pd.DataFrame(sample.still[emitted]) - pd.DataFrame(sample.still[emitted]).groupby(
        sample.site[emitted]
    ).transform("mean")
    assert len(still.groupby(sample.site[emitted])) == plain.sites
    assert (off / sample.std[emitted]).to_numpy().std() == pytest.approx(1, rel=0.03)
    assert np.median(sample.std) == pytest.approx(plain.precision, rel=0.02)
    np.testing.assert_array_equal(sample.table["uncertainty_x"], sample.std[:, 0])


def test_blinks_and_lives_are_as_long_as_stated(random_worlds: ModuleType, plain: Any) -> None:
    long = replace(plain, background=0.0, frames=100_000)
    sample = random_worlds.simulate(long)
    by_site = sample.table["frame"].groupby(sample.site)
    visits = (by_site.diff() != 1).groupby(sample.site).sum()
    assert visits.mean() == pytest.approx(20, rel=0.02)
    assert len(sample.table) / visits.sum() == pytest.approx(3, rel=0.03)
    brief = random_worlds.simulate(replace(long, life=0.05))
    time = brief.table["frame"].groupby(brief.site)
    variance = time.var()[time.min() < 80_000]  # of those that the end of the movie does not cut
    assert np.sqrt(variance.mean()) == pytest.approx(0.05 * 100_000, rel=0.1)
    rarer = random_worlds.simulate(replace(long, fewer_late=3.0)).table["frame"]
    assert rarer.mean() == pytest.approx(100_000 / 4, rel=0.02)


def test_drift_has_the_amplitude(random_worlds: ModuleType, plain: Any) -> None:
    for name in random_worlds.DRIFTS[1:]:
        world = replace(plain, localizations=6_000, drifts=(name,), jumps=(), jump_frames=())
        drift = random_worlds.simulate(world).drift
        assert np.ptp(drift, axis=0).max() == pytest.approx(100), name
        assert np.ptp(drift, axis=0).min() > 20, name
    steps = np.linalg.norm(np.diff(random_worlds.simulate(plain).drift, axis=0), axis=1)
    assert np.argmax(steps) == 3_999
    assert steps.max() == pytest.approx(300, abs=0.1)


def steady(n_frames: int, each: int) -> np.ndarray:
    return np.repeat(np.arange(n_frames), each)


def test_oracle_is_told_the_jumps(oracle: ModuleType) -> None:
    frames = steady(4_000, 5)
    drift = np.where(frames < 1_500, 0.0, 200.0)
    rng = np.random.default_rng(1)
    told, order = oracle.best_smoother(frames, drift, 1 / 8**2, jumps=[1_500], rng=rng)
    untold, _ = oracle.best_smoother(frames, drift, 1 / 8**2, rng=rng)
    # Two straight lines, and a constant that is removed.
    assert told == pytest.approx(8 * np.sqrt(3 / len(frames)))
    assert order == 0
    assert untold > 10 * told


def test_oracle_of_a_walk_with_jumps_is_that_of_a_smoother(oracle: ModuleType) -> None:
    rng = np.random.default_rng(1)
    frames, drift = steady(40_000, 3), np.cumsum(rng.normal(0, 0.05, 40_000))
    drift[10_000:] += 500
    drift[25_000:] -= 300
    found, order = oracle.best_smoother(
        frames + 7, drift[frames], 1 / 5**2, jumps=[10_007, 25_007], rng=rng
    )
    assert order == 1
    assert found == pytest.approx(np.sqrt(0.05 * 5 / np.sqrt(3) / 2), rel=0.08)


def test_oracle_counts_precise_localizations_more(oracle: ModuleType) -> None:
    rng = np.random.default_rng(1)
    frames = steady(1_000, 10)
    precise = np.tile([1.0, *[100.0] * 9], 1_000)
    found, _ = oracle.best_smoother(frames, np.zeros(len(frames)), 1 / precise**2, rng=rng)
    assert found == pytest.approx(1 / np.sqrt(1_000), rel=0.01)


def test_oracle_survives_what_is_hardly_seen(oracle: ModuleType) -> None:
    frames = np.array([0, 1, 2, 50, 1_999])
    for jumps in ([], [40], [40, 60], [3, 10, 40], [0, 5_000]):
        found, _ = oracle.best_smoother(
            frames, np.zeros(5), 1.0, jumps=jumps, rng=np.random.default_rng(1)
        )
        assert 0 < found < 5


def test_errors_are_of_what_is_no_background(
    worlds: ModuleType, random_worlds: ModuleType, plain: Any
) -> None:
    sample = random_worlds.simulate(plain)
    still = pd.DataFrame(sample.still, columns=sample.axes)
    still.loc[sample.site < 0, "x"] += 1_000
    assert list(worlds.errors(sample, still + 20.0).values()) == pytest.approx([0, 0], abs=1e-6)
    before = worlds.errors(sample, sample.table)
    emitted = sample.site >= 0
    drift = sample.drift[sample.table["frame"][emitted]]
    assert list(before.values()) == pytest.approx(drift.std(axis=0))


def test_oracle_knows_what_the_table_says(
    worlds: ModuleType, random_worlds: ModuleType, plain: Any
) -> None:
    sample = random_worlds.simulate(plain)
    told = worlds.least_errors(plain, sample)["x"]
    untold = worlds.least_errors(replace(plain, uncertainty=False), sample)["x"]
    variance = sample.std[sample.site >= 0, 0] ** 2
    assert told == pytest.approx(np.sqrt(3 / np.sum(1 / variance)), rel=0.02)
    assert untold == pytest.approx(np.sqrt(3 * variance.mean() / len(variance)), rel=0.02)


def test_summary_and_comparison(summary: ModuleType) -> None:
    def world(error: float | None, seconds: float, **more: Any) -> dict[str, Any]:
        found = {
            "seconds": seconds,
            "cpu": 2 * seconds,
            "refused": error is None,
            "valid": 1.0,
            **more,
        }
        if error is not None:
            found |= {"error": {"x": error, "y": error}, "over_std": 1.2}
        least, before = {"x": 1.0, "y": 1.0}, {"x": 5.0, "y": 5.0}
        methods = {"overlap": found}
        return {"about": "a world", "oracle": least, "before": before, "methods": methods}

    results = {"worlds": {"1": world(1.4, 1.0, verdict="improved", right=True)}}
    results["worlds"] |= {"2": world(2.5, 2.0), "3": world(6.0, 3.0), "4": world(None, 4.0)}
    row = summary.summary(results).splitlines()[-1].split(" | ")
    assert row[0] == "| overlap"
    shares = ["25%", "25%", "50%", "25%", "0%", "25%", "100%", "100%"]
    assert row[1:] == ["4", *shares, "2.50", "4.0", "5.00 |"]
    assert "improved (right)" in summary.lines(1, results["worlds"]["1"])
    assert "refused" in summary.lines(4, results["worlds"]["4"])

    other = {"worlds": {**results["worlds"], "2": world(5.0, 1.0), "3": world(None, 3.0)}}
    text = summary.comparison(results, other)
    assert "| overlap | 2 | 0.750 | 1.00 | 1.000 | 2.00 | 1.000 |" in text
    assert "overlap, world 2: 5 nm -> 2.5 nm" in text
    assert "overlap, world 3: refused -> 6 nm" in text
    assert "world 1:" not in text
    other["worlds"]["1"] = {**other["worlds"]["1"], "about": "another"}
    with pytest.raises(ValueError, match="use the same --seed"):
        summary.comparison(results, other)


def test_command_line(tmp_path: Path) -> None:
    output = tmp_path / "worlds.json"
    arguments = ["--only", str(SMALL), "--methods", "cc", "--no-verdict", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "worlds.py"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(BENCHMARKS.parent)},
        cwd=tmp_path,
        check=True,
    )
    world = json.loads(output.read_text())["worlds"][str(SMALL)]
    found = world["methods"]["cc"]
    assert found["seconds"] > 0
    assert set(found["error"]) == set(world["oracle"]) == set(world["before"])
    assert "| cc | 1 |" in done.stdout


def test_the_floor_is_the_oracle_for_many_visits_and_above_it_for_two(
    oracle: ModuleType, plain: Any, random_worlds: ModuleType
) -> None:
    """Two visits tell one difference, with twice the variance: half of the information."""
    floor = module("world_floor")
    ratios = []
    for visits in (100.0, 2.0):
        sample = random_worlds.simulate(
            replace(plain, visits=visits, drifts=("random walk",), amplitude=100.0)
        )
        emitted = sample.site >= 0
        frames, drift = sample.table["frame"].to_numpy()[emitted], sample.drift[:, 0]
        emitter = np.unique(sample.site[emitted], return_inverse=True)[1]
        information = np.full(len(frames), 1 / 10.0**2)
        found = floor.floor(
            *(frames, emitter, drift[frames], information, ()), np.random.default_rng(1)
        )
        least, _ = oracle.best_smoother(
            frames, drift[frames], information, rng=np.random.default_rng(1)
        )
        ratios.append(found / least)
    assert 0.95 < ratios[0] < 1.15
    assert 1.2 < ratios[1] < 1.7
