"""What every method is held to, whatever it does inside."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import require_drift
from smlm_accessor.errors import InvalidChunkWarning, OptionError, TableError
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import TARGETS, ChunkedLocalizations

METHODS = [name for name in registry.names() if name != "nothing"]  # see test_third_party
VELOCITY = np.array([0.05, -0.03, 0.04])  # per frame: 40 over the movie, 5 in a chunk
N_FRAMES, N_CHUNKS = 800, 8
PRECISE = 1.0  # clusters of 5, a thousand localizations in a chunk
NEED_BEADS = ("fiducial",)
sample_has = {"beads": False}
# Not all of them everywhere: these tests run for every method.
SOME = [(2, "first"), (2, "previous"), (2, "all"), (3, "first")]

Test = Callable[..., None]


def runs_with(*cases: tuple[int, str]) -> Callable[[Test], Test]:
    """Say with which numbers of dimensions and targets a test runs, for every method.

    A method that does not know a target is tested with its own.
    """

    def mark(test: Test) -> Test:
        test.cases = cases  # type: ignore[attr-defined]
        return test

    return mark


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test for every method."""
    wanted = getattr(metafunc.function, "cases", None)
    if wanted is None:
        metafunc.parametrize("method", METHODS)
        return
    known = {method: registry.get(method).targets for method in METHODS}
    cases = dict.fromkeys(
        (method, d, target if target in known[method] else known[method][0])
        for method in METHODS
        for d, target in wanted
    )
    metafunc.parametrize(("method", "d", "target"), cases)


@pytest.fixture(autouse=True)
def beads(request: pytest.FixtureRequest) -> Iterator[None]:
    """Show beads to the methods that need them: tests take the method as an argument."""
    sample_has["beads"] = request.node.callspec.params["method"] in NEED_BEADS
    yield
    sample_has["beads"] = False


def sample(d: int = 2, *, n: int = 8000, seed: int = 0, drifts: bool = True) -> pd.DataFrame:
    """Clusters 5 wide in a field of 1000, ten localizations per frame.

    Coordinates are multiples of 1/64, so that they can be moved and scaled without rounding.
    """
    rng = np.random.default_rng(seed)
    centers = rng.uniform(-500, 500, (60, d)) * [1, 1, 0.6][:d]
    positions = centers[rng.integers(60, size=n)] + rng.normal(0, 5, (n, d))
    frames = np.sort(rng.integers(N_FRAMES, size=n))
    if sample_has["beads"]:  # in place of some of the rows
        for place in rng.uniform(-400, 400, (2 if n > 2 * N_FRAMES else 1, d)) * [1, 1, 0.6][:d]:
            rows = rng.choice(n, size=int(0.95 * N_FRAMES), replace=False)
            positions[rows] = place + rng.normal(0, 2, (len(rows), d))
            frames[rows] = rng.permutation(N_FRAMES)[: len(rows)]
        order = np.argsort(frames, kind="stable")
        frames, positions = frames[order], positions[order]
    if drifts:
        positions += frames[:, None] * VELOCITY[:d]
    positions = np.round(64 * positions) / 64
    return pd.DataFrame({"frame": frames, **dict(zip("xyz", positions.T, strict=False))})


def drift_of(table: pd.DataFrame, method: str, **options: Any) -> xr.Dataset:
    rule: dict[str, Any] = (
        {} if {"frames_per_chunk", "chunks"} & set(options) else {"n_chunks": N_CHUNKS}
    )
    return estimate_drift(table, method=method, **rule, **options)


@cache
def usual(method: str, d: int = 2, target: str | None = None) -> xr.Dataset:
    """The drift of the sample; not to be changed."""
    return drift_of(sample(d), method, target=target)


def truth(drift: xr.Dataset) -> FloatArray:
    """The offsets that undo the drift of `sample`, zero at the first chunk."""
    frames = drift["frame"].values
    return -np.outer(frames - frames[0], VELOCITY[: drift.sizes["component"]])


def axes(table: pd.DataFrame) -> list[str]:
    return [a for a in "xyz" if a in table]


def assert_same(drift: xr.Dataset, other: xr.Dataset, atol: float) -> None:
    for name in ("valid", "n_localizations", "frame_start", "frame_stop"):
        np.testing.assert_array_equal(drift[name], other[name])
    np.testing.assert_allclose(drift["offset"], other["offset"], rtol=0, atol=atol)
    np.testing.assert_allclose(drift["quality"], other["quality"], rtol=1e-2)


def assert_as_sure(drift: xr.Dataset, other: xr.Dataset) -> None:
    np.testing.assert_allclose(drift["offset_std"], other["offset_std"], rtol=1e-2)


# The drift is found.


@runs_with(*((d, target) for target in TARGETS for d in (2, 3)))
def test_a_known_drift_is_recovered(method: str, d: int, target: str) -> None:
    drift = usual(method, d, target)
    assert drift["valid"].all()
    np.testing.assert_allclose(drift["offset"], truth(drift), rtol=0, atol=PRECISE)
    np.testing.assert_array_equal(drift["offset"][0], 0)
    assert drift.attrs["target"] == target


@runs_with(*SOME)
def test_no_drift_gives_none(method: str, d: int, target: str) -> None:
    drift = drift_of(sample(d, drifts=False), method, target=target)
    np.testing.assert_allclose(drift["offset"], 0, atol=PRECISE)


def test_the_same_localizations_lie_on_each_other(method: str) -> None:
    one = sample(n=1000, drifts=False)
    same = pd.concat([one.assign(frame=one["frame"] + N_FRAMES * k) for k in range(2)])
    drift = drift_of(same, method, frames_per_chunk=N_FRAMES)
    np.testing.assert_allclose(drift["offset"], 0, atol=1e-3)


@runs_with(*((2, target) for target in TARGETS))
def test_a_jump_is_recovered(method: str, d: int, target: str) -> None:
    table = sample(d, drifts=False)
    table.loc[table["frame"] >= 400, "x"] += 30
    table.loc[table["frame"] >= 400, "y"] -= 20
    drift = drift_of(table, method, frames_per_chunk=100, target=target)
    expected = np.repeat([[0.0, 0.0], [-30.0, 20.0]], 4, axis=0)
    np.testing.assert_allclose(drift["offset"], expected, atol=PRECISE)


@runs_with(*((d, target) for target in TARGETS for d in (2, 3)))
def test_every_valid_chunk_says_how_sure_it_is(method: str, d: int, target: str) -> None:
    drift = usual(method, d, target)
    std = drift["offset_std"].values[drift["valid"].values]
    assert np.isfinite(std).all()
    assert (std > 0).all()
    assert std.max() < PRECISE


@pytest.mark.parametrize("seed", [1000, 2000, 3000, 4000])
@runs_with(*SOME)
def test_other_samples_are_as_good_as_they_say(method: str, d: int, target: str, seed: int) -> None:
    drift = drift_of(sample(d, seed=seed), method, target=target)
    assert drift["valid"].all()
    std = drift["offset_std"].values
    assert std.max() < PRECISE
    error = drift["offset"].values - truth(drift)
    error -= error.mean(axis=0)
    assert np.sqrt((error**2).mean()) < PRECISE
    assert np.abs(error / std).max() < 5


# What does not matter.


@runs_with((2, "first"), (2, "all"), (3, "first"))
@pytest.mark.parametrize(("move", "scale"), [(-3_000_000, 1.0), (0, 2.0**-10), (0, 2.0**20)])
def test_moving_or_scaling_all_coordinates_moves_nothing_else(
    method: str, move: float, scale: float, d: int, target: str
) -> None:
    """Nanometres, micrometres, camera pixels, a corner of a mosaic: no length is built in."""
    table = sample(d)
    there = table.assign(**{a: (table[a] + move) * scale for a in axes(table)})
    drift = drift_of(there, method, target=target)
    drift["offset"] = drift["offset"] / scale
    assert_same(drift, usual(method, d, target), atol=1e-6)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(("move", "scale"), [(1e6 / 3, 1.0), (-7e5 / 3, 1 / 130), (0.1, 1e5 / 3)])
def test_the_drift_is_recovered_in_any_unit_and_place(
    method: str, move: float, scale: float, d: int
) -> None:
    """Where digits are lost the answer may differ, within its error."""
    table = sample(d)
    there = table.assign(**{a: (table[a] + move) * scale for a in axes(table)})
    drift = drift_of(there, method)
    np.testing.assert_allclose(drift["offset"] / scale, truth(drift), rtol=0, atol=PRECISE)


@runs_with(*SOME)
def test_the_order_of_rows_does_not_matter(method: str, d: int, target: str) -> None:
    table = sample(d)
    shuffled = table.sample(frac=1, random_state=1)
    drift = drift_of(shuffled, method, target=target)
    assert_same(drift, usual(method, d, target), atol=1e-6)
    assert_as_sure(drift, usual(method, d, target))


@pytest.mark.parametrize("start", [1, -400, 10**9])
def test_the_number_of_the_first_frame_does_not_matter(method: str, start: int) -> None:
    table = sample()
    drift = drift_of(table.assign(frame=table["frame"] + start), method)
    np.testing.assert_allclose(drift["offset"], truth(drift), rtol=0, atol=PRECISE)
    np.testing.assert_array_equal(drift["frame_start"] - start, usual(method)["frame_start"])


@runs_with(*SOME)
def test_the_number_of_threads_does_not_matter(method: str, d: int, target: str) -> None:
    drift = usual(method, d, target)
    for threads in (1, 3):
        other = drift_of(sample(d), method, threads=threads, target=target)
        for name in ("offset", "offset_std", "quality", "valid"):
            np.testing.assert_array_equal(other[name], drift[name])


def test_other_columns_and_progress_do_not_matter(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = sample()
    drift = drift_of(table, method)
    assert capsys.readouterr() == ("", "")
    xr.testing.assert_identical(drift, usual(method))
    noisy = drift_of(table.assign(intensity=1.0, label="a"), method, progress=True)
    xr.testing.assert_identical(noisy, drift)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "100%" in shown.err


def test_rows_without_coordinates_do_not_matter(method: str) -> None:
    table = sample()
    extra = table.iloc[::10].assign(x=np.nan)
    assert_same(drift_of(pd.concat([extra, table]), method), usual(method), atol=1e-6)


# The input.


@runs_with(*((3, target) for target in TARGETS))
def test_the_input_is_not_touched(method: str, d: int, target: str) -> None:
    table = sample(d).sample(frac=1, random_state=1)
    before = table.copy(deep=True)
    drift_of(table, method, target=target)
    pd.testing.assert_frame_equal(table, before)
    # Arrays in, arrays out: these cannot be written.
    ordered = before.sort_values("frame", kind="stable")
    points = ChunkedLocalizations(
        positions=np.ascontiguousarray(ordered[["x", "y", "z"]]),
        frames=ordered["frame"].to_numpy(copy=True),
        bounds=np.array([0, 4000, 8000]),
        components=("x", "y", "z"),
        uncertainty=np.ones((8000, 3)),
    )
    for array in (points.positions, points.frames, points.bounds, points.uncertainty):
        assert array is not None
        array.setflags(write=False)
    registered = registry.get(method).run(points, target=target)
    assert not np.shares_memory(registered.offset, points.positions)


# Chunks that cannot be registered.


LENGTH = 100  # frames of a chunk


def with_chunk(chunk: pd.DataFrame, table: pd.DataFrame, k: int) -> pd.DataFrame:
    """The table with other localizations in its ``k``-th chunk."""
    return pd.concat([table[table["frame"] // LENGTH != k], chunk]).sort_values("frame")


def require_hopeless(table: pd.DataFrame, method: str, target: str, *ks: int) -> None:
    with pytest.warns(InvalidChunkWarning) as caught:
        drift = drift_of(table, method, chunks=range(0, N_FRAMES + 1, LENGTH), target=target)
    assert len(caught) == 1
    for k in ks:
        named = f"chunk {k} (frames {LENGTH * k} to {LENGTH * (k + 1) - 1}, "
        assert named in str(caught[0].message)
    require_drift(drift)
    others = ~np.isin(np.arange(N_FRAMES // LENGTH), ks)
    assert drift["valid"].values.tolist() == others.tolist()
    assert np.isnan(drift["offset"][~others]).all()
    assert np.isnan(drift["offset_std"][~others]).all()
    expected = truth(drift) - (truth(drift)[1] if 0 in ks else 0)
    np.testing.assert_allclose(drift["offset"][others], expected[others], rtol=0, atol=PRECISE)


@runs_with(*SOME)
@pytest.mark.parametrize(("k", "left"), [(0, 1), (3, 0), (-1, 1)])
def test_a_chunk_with_nothing_to_register(
    method: str, left: int, k: int, d: int, target: str
) -> None:
    """A method sees no row where few are left: tests/estimation/test_estimate.py."""
    table = sample(d)
    k %= N_FRAMES // LENGTH
    chunk = table[table["frame"] // LENGTH == k].iloc[:left]
    require_hopeless(with_chunk(chunk, table, k), method, target, k)


@runs_with(*((2, target) for target in TARGETS))
@pytest.mark.parametrize("seed", [0, 1000, 2000, 3000])
def test_nothing_in_common_is_hopeless(method: str, d: int, target: str, seed: int) -> None:
    """Background in one chunk, and in another a structure that is not there in any other one."""
    table, other, rng = sample(d, seed=seed), sample(d, seed=seed + 99), np.random.default_rng(5)
    chunk = table[table["frame"] // LENGTH == 3]
    noise = chunk.assign(x=rng.uniform(-500, 500, len(chunk)), y=rng.uniform(-500, 500, len(chunk)))
    other = other[other["frame"] // LENGTH == 6]
    with_noise = with_chunk(noise, table, 3)
    if method in NEED_BEADS:  # which are to be there in most frames
        require_hopeless(with_noise, method, target, 3)
        require_hopeless(with_chunk(other, table, 6), method, target, 6)
    else:
        require_hopeless(with_chunk(other, with_noise, 6), method, target, 3, 6)


def test_all_chunks_hopeless_is_said_once_and_gives_no_numbers(method: str) -> None:
    frames = np.arange(4) * 100
    table = pd.DataFrame({"frame": frames, "x": [0.0, 1, 5, 2], "y": [3.0, 1, 4, 1]})
    with pytest.warns(InvalidChunkWarning) as caught:
        drift = drift_of(table, method, frames_per_chunk=100)
    assert len(caught) == 1
    assert not drift["valid"][1:].any()
    assert np.isnan(drift["offset"][1:]).all()


def test_too_few_rows_are_errors(method: str) -> None:
    with pytest.raises(TableError):
        drift_of(sample().iloc[:0], method)
    with pytest.raises(TableError):
        drift_of(sample().iloc[:1], method)


@pytest.mark.parametrize("d", [2, 3])
def test_all_positions_equal_do_not_end_in_an_exception(method: str, d: int) -> None:
    table = sample(d).assign(**dict.fromkeys("xyz"[:d], 5.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidChunkWarning)
        drift = drift_of(table, method)
    require_drift(drift)
    offset = drift["offset"].values
    assert (np.isnan(offset) | (np.abs(offset) < 1e-9)).all()


def test_drift_along_z_alone_is_found_or_refused(method: str) -> None:
    """All lie on one line along z: that x and y tell nothing does not mean that nothing moves."""
    table, rng = sample(3), np.random.default_rng(4)
    sites = np.linspace(-300, 300, 9)[rng.integers(9, size=len(table))]
    z = sites + rng.normal(0, 5, len(table)) + table["frame"] * VELOCITY[2]
    table = table.assign(x=5.0, y=7.0, z=z)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drift = drift_of(table, method)
    valid = drift["valid"].values
    assert valid.all() or caught
    found, std = drift["offset"].values[valid], drift["offset_std"].values[valid]
    expected, moved = truth(drift)[valid] * [0, 0, 1], VELOCITY[2] * N_FRAMES
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.1 * moved)
    assert (np.isnan(std) | (std > 0)).all()


def test_a_flat_table_in_3d(method: str) -> None:
    """Some programs write a column z of zeros."""
    table = sample(2).assign(z=0.0)
    drift = drift_of(table, method)
    assert drift["valid"].all()
    np.testing.assert_allclose(drift["offset"], truth(drift) * [1, 1, 0], rtol=0, atol=PRECISE)


# Options, record, files.

OF_ALL = {"threads", "progress"}  # documented once, in `Method`


def test_options_are_keywords_with_defaults_and_documented(method: str) -> None:
    function = registry.get(method).function
    first, *options = inspect.signature(function).parameters.values()
    assert first.name == "localizations"
    doc = inspect.getdoc(function) or ""
    for option in options:
        assert option.kind is option.KEYWORD_ONLY
        assert option.default is not option.empty
        assert option.name in doc or option.name in OF_ALL
    assert {o.name for o in options} >= OF_ALL
    assert "References" in doc
    assert "DOI" in doc or "doi.org" in doc


def test_an_unknown_option_is_an_error_that_lists_the_known(method: str) -> None:
    with pytest.raises(OptionError, match=f"(?s)'{method}' has no option 'max_distence'.*threads"):
        drift_of(sample(), method, max_distence=3)
    with pytest.raises(OptionError, match="target='next'"):
        drift_of(sample(), method, target="next")
    points = ChunkedLocalizations(np.zeros((4, 2)), np.arange(4), np.array([0, 2, 4]), ("x", "y"))
    with pytest.raises(OptionError, match="target='next'"):
        registry.get(method).run(points, target="next")


@pytest.mark.parametrize("d", [2, 3])
def test_the_result_is_sound_and_goes_through_a_file(method: str, d: int, tmp_path: Path) -> None:
    drift = usual(method, d)
    require_drift(drift)
    assert drift["n_localizations"].values.sum() == 8000
    assert np.isfinite(drift["quality"]).all()
    std = drift["offset_std"].values
    assert (np.isnan(std) | (std > 0)).all()
    parameters = json.loads(drift.attrs["parameters"])
    assert set(registry.get(method).options) <= set(parameters)
    drift.to_netcdf(tmp_path / "drift.nc", engine="scipy")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "drift.nc", engine="scipy"), drift)
