"""Tables of dask: the same verbs, the same numbers, and nothing read before it is needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import smlm_accessor
from smlm_accessor import OptionError, OutsideEstimateWarning, TableError
from smlm_accessor.estimation import runner, sampling
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from tests.scenes import beads, linear, sites, visits

METHODS = registry.names()
LARGE = 5000  # localizations; the sample has more


@cache
def sample(d: int = 2) -> pd.DataFrame:
    """Clusters and two beads, drifting; in nm. Not to be changed."""
    shown = beads(sites(2, 800, d, seed=2), n_frames=600, seen=0.95)
    clusters = visits(sites(60, 1000, d), n=9000 - len(shown.frames), n_frames=600)
    drift = linear(600, [0.05, -0.03, 0.04][:d])
    table = pd.concat([scene.drifting(drift).moved for scene in (clusters, shown)])
    table = table.sort_values("frame", kind="stable", ignore_index=True)
    return smlm_accessor.set_columns(table.assign(frame=table["frame"] + 3), unit="nm")


def options_of(method: str, large: bool) -> dict[str, Any]:
    return {"method": method, **({"max_localizations": LARGE} if large else {})}


@cache
def usual(method: str, large: bool = False) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", smlm_accessor.InvalidChunkWarning)
        return sample().smlm.drift(**options_of(method, large))


def cut(table: pd.DataFrame, bounds: list[int]) -> Any:
    """The table in partitions that nothing is known about."""
    ends = [0, *sorted(bounds), len(table)]
    parts = [table.iloc[a:b] for a, b in pairwise(ends)]
    ddf = dd.from_map(lambda part: part, parts, meta=table.iloc[:0])
    return smlm_accessor.set_columns(ddf, unit="nm")


def assert_same(drift: xr.Dataset, expected: xr.Dataset) -> None:
    assert drift.attrs == expected.attrs
    for name in ("frame_start", "frame_stop", "n_localizations", "valid"):
        np.testing.assert_array_equal(drift[name], expected[name])
    for name in ("offset", "offset_std", "matrix", "frame", "quality"):
        np.testing.assert_allclose(drift[name], expected[name], rtol=1e-9, atol=1e-6)


@pytest.fixture
def computes() -> Iterator[list[int]]:
    """A list with an entry for each graph that is computed."""
    seen: list[int] = []

    def counted(graph: Any, keys: Any, **kwargs: Any) -> Any:
        seen.append(len(keys))
        return dask.threaded.get(graph, keys, **kwargs)

    with dask.config.set(scheduler=counted):
        yield seen


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[ChunkedLocalizations]:
    """What methods get of a table; none does its work, but for what is summed up."""
    seen: list[ChunkedLocalizations] = []

    def nothing(localizations: ChunkedLocalizations, *_: Any, **__: Any) -> Registered:
        seen.append(localizations)
        return Registered.at_rest(localizations)

    monkeypatch.setattr(runner, "run", nothing)
    return seen


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    for i, rows in enumerate(np.array_split(np.arange(len(sample())), 4)):
        sample().iloc[rows].to_parquet(tmp_path / f"p{i}.parquet", row_group_size=700)
    return tmp_path


# The same numbers.


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_the_drift_is_that_of_pandas(method: str, large: bool) -> None:
    shuffled = sample().sample(frac=1, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", smlm_accessor.InvalidChunkWarning)
        drift = cut(shuffled, [0, 2000, 2000, 7000]).smlm.drift(**options_of(method, large))
    assert_same(drift, usual(method, large=large))


def assert_alike(
    lazy: Any, table: pd.DataFrame, received: list[ChunkedLocalizations], **options: Any
) -> None:
    """Methods get the same localizations of two tables, and what is summed up gives the same."""
    found = []
    for one in (lazy, table):
        received.clear()
        found.append((one.smlm.drift(**options), list(received)))
    (drift, got), (expected, given) = found
    assert_same(drift, expected)
    assert len(got) == len(given)
    for points, others in zip(got, given, strict=True):
        np.testing.assert_array_equal(points.frames, others.frames)
        np.testing.assert_array_equal(points.bounds, others.bounds)
        np.testing.assert_allclose(points.positions, others.positions, rtol=0, atol=1e-9)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bounds=st.lists(st.integers(0, 9000), max_size=6),
    seed=st.none() | st.integers(0, 99),
)
def test_any_partitions_and_any_order_of_rows(
    method: str,
    large: bool,
    bounds: list[int],
    seed: int | None,
    received: list[ChunkedLocalizations],
) -> None:
    """Empty partitions, and frames that go on in the next one, among them."""
    table = sample() if seed is None else sample().sample(frac=1, random_state=seed)
    assert_alike(cut(table, bounds), sample(), received, **options_of(method, large))


@pytest.mark.parametrize("method", ["icp", "cc", "aim", "overlap"])
@pytest.mark.parametrize("large", [False, True])
def test_three_dimensions(method: str, large: bool, received: list[ChunkedLocalizations]) -> None:
    lazy = cut(sample(3), [2000, 2000, 7000])
    assert_alike(lazy, sample(3), received, **options_of(method, large))


@pytest.mark.parametrize("engine", ["fsspec", "arrow"])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("method", ["cc", "overlap"])
def test_parquet(
    method: str, large: bool, engine: str, parquet: Path, received: list[ChunkedLocalizations]
) -> None:
    ddf = dd.read_parquet(parquet, filesystem=engine)
    ddf = smlm_accessor.set_columns(ddf, unit="nm")
    for rule in ({}, {"frames_per_chunk": 100}, {"chunks": [0, 200, 400, 700]}):
        assert_alike(ddf, sample(), received, **options_of(method, large), **rule)


@pytest.mark.parametrize("large", [False, True])
def test_rows_without_coordinates_do_not_count(large: bool) -> None:
    table = sample().copy()
    table.loc[::7, "x"] = np.nan
    table.loc[5, "y"] = np.inf
    for method in ("cc", "aim"):
        drift = cut(table, [100, 5000]).smlm.drift(**options_of(method, large))
        assert_same(drift, table.smlm.drift(**options_of(method, large)))
        finite = table[np.isfinite(table[["x", "y"]]).all(axis=1)]
        assert drift["n_localizations"].sum() == len(finite)


@pytest.mark.parametrize("dtype", ["float32", "int32", "Float64", "double[pyarrow]"])
def test_dtypes(dtype: str) -> None:
    table = sample().copy()
    table[["x", "y"]] = table[["x", "y"]].round().astype(dtype)
    for large in (False, True):
        options = options_of("cc", large)
        assert_same(cut(table, [4000]).smlm.drift(**options), table.smlm.drift(**options))
    drift = usual("cc")
    fixed = cut(table, [4000]).smlm.correct(drift).compute()
    pd.testing.assert_frame_equal(fixed, table.smlm.correct(drift))


def test_frames_in_the_index(tmp_path: Path) -> None:
    table = sample().set_index("frame")
    ddf = dd.from_pandas(table, npartitions=5, sort=True)
    for large in (False, True):
        options = options_of("cc", large)
        assert_same(ddf.smlm.drift(**options), usual("cc", large=large))
    fixed = ddf.smlm.correct(usual("cc"))
    assert fixed.known_divisions
    pd.testing.assert_frame_equal(fixed.compute(), table.smlm.correct(usual("cc")))


# Samples are sound.


@pytest.mark.parametrize("method", ["icp", "cc", "rcc", "aim", "overlap"])
def test_a_sample_gives_nearly_the_same_drift(method: str) -> None:
    drift = sample().smlm.drift(**options_of(method, large=True), n_chunks=6)
    expected = -np.outer(drift["frame"] - drift["frame"][0], [0.05, -0.03])
    assert drift["valid"].all()
    np.testing.assert_allclose(drift["offset"], expected, rtol=0, atol=2.0)
    used = smlm_accessor.table.attributes.parameters(drift)["sample"]
    assert used["localizations"] <= 1.1 * LARGE
    assert drift["n_localizations"].sum() == len(sample())


def test_a_sample_grows_until_the_drift_is_known_well_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampling, "_FIRST", 25_000)  # a tenth
    scene = visits(sites(300, 6_000), n=70_000, n_frames=4000, precision=20)
    table = smlm_accessor.set_columns(scene.still, unit="nm")

    def used(goal: float) -> tuple[int, float]:
        drift = table.smlm.drift(
            method="aim", n_chunks=50, max_localizations=60_000, target_std=goal
        )
        found = smlm_accessor.table.attributes.parameters(drift)["sample"]
        assert found["target_std"] == goal
        assert found["offset_std"] == pytest.approx(float(drift["offset_std"].median()))
        return found["localizations"], found["offset_std"]

    (few, rough), (many, fine) = used(5.0), used(0.01)
    assert few <= 25_000 < 50_000 < many <= 60_000
    assert fine < rough <= 5.0


# Nothing is read before it is needed.


def test_what_is_lazy_computes_nothing(computes: list[int], parquet: Path) -> None:
    ddf = smlm_accessor.set_columns(dd.read_parquet(parquet), unit="nm")
    drift = usual("cc")
    moved = ddf.smlm.simulate_drift(
        velocity=(0.1, 0.2), diffusion_constant=0.5, rotation=1e-4, scale=1e-5, seed=1
    )
    fixed = ddf.smlm.correct(drift)
    image = ddf.smlm.render(bin_size=20)
    part = fixed.smlm.render(bin_size=20, bin_range=((-100, 100), (-50, 50)), rescale="equal")
    repr(ddf.smlm), repr(fixed.smlm), ddf.smlm.columns
    assert computes == []
    pd.testing.assert_frame_equal(
        moved.compute().reset_index(drop=True),
        sample().smlm.simulate_drift(
            velocity=(0.1, 0.2), diffusion_constant=0.5, rotation=1e-4, scale=1e-5, seed=1
        ),
    )
    np.testing.assert_array_equal(image.values, sample().smlm.render(bin_size=20).values)
    expected = sample().smlm.correct(drift)
    np.testing.assert_array_equal(
        part.values,
        expected.smlm.render(
            bin_size=20, bin_range=((-100, 100), (-50, 50)), rescale="equal"
        ).values,
    )
    assert len(computes) == 3


@pytest.mark.usefixtures("received")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("large", [False, True])
def test_drift_is_one_compute(computes: list[int], parquet: Path, method: str, large: bool) -> None:
    """And one more where nobody knows how many rows there are."""
    ddf = smlm_accessor.set_columns(dd.read_parquet(parquet), unit="nm")
    ddf.smlm.drift(**options_of(method, large))
    assert len(computes) == 1
    ddf[ddf["x"] > -1e9].smlm.drift(**options_of(method, large))
    assert len(computes) == 3


def test_columns_that_are_not_used_are_not_read(tmp_path: Path) -> None:
    table = sample().assign(broken="text")
    table.to_parquet(tmp_path / "p.parquet")
    read = []

    def reading(columns: list[str] | None) -> None:
        read.append(columns)

    class Reads(dask.callbacks.Callback):  # type: ignore[misc]
        def _posttask(self, key: Any, result: Any, *rest: Any) -> None:
            if isinstance(result, pd.DataFrame):
                reading(list(result.columns))

    with Reads():
        dd.read_parquet(tmp_path).smlm.drift(method="cc")
    assert read == []  # a partition is never a result: it is read in the task that uses it


def test_partitions_are_not_kept_between_steps() -> None:
    """The step that looks at a part of the table first reads it once more."""
    table = sample()
    reads: list[int] = []

    def part(i: int) -> pd.DataFrame:
        reads.append(i)
        return table.iloc[i * 1000 : (i + 1) * 1000]

    ddf = dd.from_map(part, range(9), meta=table.iloc[:0])
    drift = ddf.smlm.drift(method="aim")
    assert sorted(reads) == sorted([*range(9), 4])
    assert_same(drift, table.iloc[:9000].smlm.drift(method="aim"))


# The other verbs.


@pytest.mark.parametrize("by", ["cubic", "linear", "chunk"])
def test_correct(by: str) -> None:
    drift = usual("cc")
    fixed = cut(sample(), [10, 4000]).smlm.correct(drift, by=by)
    expected = sample().smlm.correct(drift, by=by)
    pd.testing.assert_frame_equal(fixed.compute(), expected)
    pd.testing.assert_frame_equal(fixed._meta, expected.iloc[:0])
    model = drift.smlm.fit(offset="linear")
    pd.testing.assert_frame_equal(
        cut(sample(), [10]).smlm.correct(model).compute(), sample().smlm.correct(model)
    )


def test_correct_estimates_first() -> None:
    fixed = cut(sample(), [3000]).smlm.correct(method="cc")
    pd.testing.assert_frame_equal(fixed.compute(), sample().smlm.correct(method="cc"))


def test_what_is_wrong_with_a_correction_is_said_at_once(computes: list[int]) -> None:
    ddf = cut(sample(), [3000])
    with pytest.raises(smlm_accessor.DriftError, match="does not hold drift"):
        ddf.smlm.correct(xr.Dataset())
    with pytest.raises(OptionError, match="by='cubicle'"):
        ddf.smlm.correct(usual("cc"), by="cubicle")
    with pytest.raises(smlm_accessor.DriftError, match="leave out one"):
        ddf.smlm.correct(usual("cc"), method="icp")
    fixed = ddf.smlm.correct(usual("cc"))
    with pytest.warns(smlm_accessor.AlreadyCorrectedWarning):
        fixed.smlm.correct(usual("cc"))
    assert computes == []


def test_frames_outside_the_estimate_are_warned_of_once() -> None:
    drift = usual("cc").isel(chunk=slice(0, 5))
    ddf = dd.from_pandas(sample(), npartitions=6)
    with pytest.warns(OutsideEstimateWarning) as caught:
        fixed = ddf.smlm.correct(drift)
    assert len(caught) == 1
    expected = sample().smlm.correct(drift, outside="hold")
    pd.testing.assert_frame_equal(fixed.compute(), expected, check_like=False)
    with pytest.raises(OptionError, match="lie outside"):
        ddf.smlm.correct(drift, outside="error").compute()


def test_simulated_drift_and_its_truth() -> None:
    terms: dict[str, Any] = {
        "velocity": (0.1, -0.2),
        "diffusion_constant": 0.1,
        "step": (200, 30.0),
        "seed": 3,
    }
    moved, drift = cut(sample(), [50, 60]).smlm.simulate_drift(**terms, return_drift=True)
    expected, truth = sample().smlm.simulate_drift(**terms, return_drift=True)
    pd.testing.assert_frame_equal(moved.compute(), expected)
    xr.testing.assert_identical(drift, truth)


@pytest.mark.parametrize("seed", [None, "generator"])
def test_a_random_walk_is_the_same_each_time_it_is_computed(seed: Any) -> None:
    generator = np.random.default_rng(5) if seed else None
    ddf = cut(sample(), [5000])
    first = ddf.smlm.simulate_drift(diffusion_constant=1.0, seed=generator)
    second = ddf.smlm.simulate_drift(diffusion_constant=1.0, seed=generator)
    pd.testing.assert_frame_equal(first.compute(), first.compute())
    assert not first.compute()["x"].equals(second.compute()["x"])
    if seed:
        pandas = sample().smlm.simulate_drift(diffusion_constant=1.0, seed=np.random.default_rng(5))
        pd.testing.assert_frame_equal(first.compute(), pandas)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bin_size": 7.0},
        {"rescale": "equal"},
        {"rescale": (1, 99)},
        {"other_property": "frame"},
        {"other_property": "weight", "rescale": "log"},
        {"bin_size": 5, "bin_range": ((-50, 50), (0, 200))},
    ],
)
def test_render(options: dict[str, Any]) -> None:
    table = sample().assign(weight=np.arange(len(sample())) % 7)
    table.loc[::11, "x"] = np.nan
    image = cut(table, [100, 8000]).smlm.render(**options)
    expected = table.smlm.render(**options)
    assert type(image.data).__module__.startswith("dask")
    np.testing.assert_allclose(image.values, expected.values, rtol=1e-12)
    assert image.dtype == expected.dtype
    for axis in "xy":
        np.testing.assert_array_equal(image[axis], expected[axis])
    ignored = {"n_localizations", "n_outside", "n_left_out"}  # who counts them has read the rows
    assert image.attrs == {k: v for k, v in expected.attrs.items() if k not in ignored}


def test_an_image_too_large_for_workers_names_a_size_that_fits() -> None:
    table = sample().assign(x=sample()["x"] * 400, y=sample()["y"] * 400)
    with pytest.raises(OptionError, match=r"bin_size=10 gives more than .* bin_size=100"):
        cut(table, [10]).smlm.render(bin_size=10)
    assert table.smlm.render(bin_size=100).size < 25_000_000


def test_plot() -> None:
    ax = cut(sample(), [4000]).smlm.plot(bin_size=10)
    expected = sample().smlm.plot(bin_size=10)
    np.testing.assert_array_equal(ax.images[0].get_array(), expected.images[0].get_array())


def test_rmse() -> None:
    moved = sample().smlm.simulate_drift(velocity=(0.1, 0.2))
    here, there = cut(moved, [10, 3000]), cut(sample(), [10, 3000])
    for constant in (True, False):
        found = here.smlm.rmse(there, remove_constant=constant)
        expected = moved.smlm.rmse(sample(), remove_constant=constant)
        pd.testing.assert_series_equal(found, expected)
        assert found.attrs["n_localizations"] == expected.attrs["n_localizations"]
    with pytest.raises(TableError, match="not cut alike"):
        here.smlm.rmse(cut(sample(), [10]))
    with pytest.raises(TableError, match="not cut alike"):
        here.smlm.rmse(sample())
    with pytest.raises(TableError, match=r"partition [12] of 3: .* rows"):
        here.smlm.rmse(cut(sample(), [10, 3001]))


def test_the_summary_says_what_is_known(parquet: Path) -> None:
    text = repr(dd.read_parquet(parquet).smlm)
    assert "9,000, in 4 partitions of dask" in text
    assert "3 to 602" in text
    unknown = repr(cut(sample(), [5]).smlm)
    assert "not counted, in 2 partitions of dask" in unknown
    assert "not read nm, from 'x'" in unknown


# Bad input.


def bad_tables() -> Iterator[tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]]:
    yield "no rows", lambda table: table.iloc[:0]
    yield "None of the", lambda table: table.assign(x=np.nan)
    yield "drift needs more frames", lambda table: table.assign(frame=7)
    yield "not a whole number", lambda table: table.assign(frame=table["frame"] + 0.5)


@pytest.mark.parametrize(("message", "change"), list(bad_tables()))
@pytest.mark.parametrize("method", ["cc", "overlap"])
def test_tables_that_cannot_be_used(
    message: str, change: Callable[[pd.DataFrame], pd.DataFrame], method: str
) -> None:
    with pytest.raises(TableError, match=message):
        cut(change(sample()), [100]).smlm.drift(method=method)


def test_what_is_wrong_in_one_partition_is_named() -> None:
    table = sample().astype({"x": object})
    table.loc[8000, "x"] = "far"
    with pytest.raises(TableError, match=r"partition 2 of 3: .*'far', which is not a number"):
        cut(table, [10, 5000]).smlm.drift(method="cc")


def test_tables_without_positions_have_no_accessor_that_works() -> None:
    ddf = dd.from_pandas(pd.DataFrame({"a": [1.0], "b": [2.0]}), npartitions=1)
    with pytest.raises((TableError, AttributeError), match="no columns known"):
        ddf.smlm.drift()


@pytest.mark.parametrize("options", [{"max_localizations": 10}, {"target_std": 0.0}])
def test_sample_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        sample().smlm.drift(**options)
