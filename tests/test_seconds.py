"""Tables with seconds instead of frames: all verbs give what they give for frames."""

from __future__ import annotations

import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor import set_columns
from smlm_accessor.__main__ import main
from smlm_accessor.display.drift import dataset_html, drift_text
from smlm_accessor.drift.times import counted
from smlm_accessor.errors import DriftError, OptionError, SmlmWarning, TableError
from tests.scenes import blinking, sites, smooth

PERIOD, FIRST = 0.05, 3.0
N_FRAMES = 1000


@cache
def in_frames() -> pd.DataFrame:
    scene = blinking(sites(60), n_frames=N_FRAMES, per_frame=8, seed=1)
    return set_columns(scene.drifting(smooth(N_FRAMES, extent=80.0)).moved, unit="nm")


def in_seconds(**others: Any) -> pd.DataFrame:
    table = in_frames()
    timed = table.drop(columns="frame").assign(time=table["frame"] * PERIOD + FIRST, **others)
    return set_columns(timed, frame=None)


@cache
def by_frames() -> xr.Dataset:
    return in_frames().smlm.drift()


@cache
def by_seconds() -> xr.Dataset:
    return in_seconds().smlm.drift()


def require_same_positions(one: pd.DataFrame, other: pd.DataFrame, within: float = 1e-9) -> None:
    np.testing.assert_allclose(one[["x", "y"]], other[["x", "y"]], rtol=0, atol=within)


@pytest.mark.parametrize(
    "name", ["tim", "t [s]", "time", "time [s]", "time_s", "Time (s)", "timestamp", "seconds", "t"]
)
def test_times_are_recognised(name: str) -> None:
    table = in_seconds().rename(columns={"time": name})
    table.attrs = {}
    columns = table.smlm.columns
    assert (columns.frame, columns.time, columns.when) == (None, name, name)
    indexed = table.set_index(name)
    assert indexed.smlm.columns.time == name
    found = indexed.smlm.drift(method="cc", n_chunks=3)
    expected = table.smlm.drift(method="cc", n_chunks=3)
    xr.testing.assert_identical(found.drop_attrs(), expected.drop_attrs())


def test_frames_are_used_unless_times_are_named() -> None:
    both = in_frames().assign(time=in_seconds()["time"])
    assert both.smlm.columns.frame == "frame"
    assert "frame_start" in both.smlm.drift(method="cc").coords
    named = set_columns(both, time="time")
    assert (named.smlm.columns.frame, named.smlm.columns.time) == (None, "time")
    assert "time_start" in named.smlm.drift(method="cc").coords
    again = set_columns(named, frame="frame")
    assert (again.smlm.columns.frame, again.smlm.columns.time) == ("frame", None)
    with pytest.raises((OptionError, TableError), match="cannot both count time"):
        set_columns(both, frame="frame", time="time")


def test_two_times_are_one_too_many() -> None:
    table = in_seconds().assign(tim=0.0)
    table.attrs = {}
    with pytest.raises(TableError, match=r"could be the time: .*set_columns.*time='\.\.\.'"):
        table.smlm.columns  # noqa: B018
    assert set_columns(table, time="tim").smlm.columns.time == "tim"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, r"column 'time' has 3 rows without a time \(missing or infinite\); drop them"),
        (np.inf, r"numpy\.isfinite\(table\['time'\]\)"),
        (1e17, r"holds 1e\+17 s; are these seconds"),
    ],
)
def test_times_that_cannot_be_used(value: float, words: str) -> None:
    table = in_seconds()
    table.loc[[3, 5, 7], "time"] = value
    for use in (
        lambda: table.smlm.drift(),
        lambda: table.smlm.correct(by_seconds()),
        lambda: dd.from_pandas(table, npartitions=2).smlm.drift(),
    ):
        with pytest.raises(TableError, match=words):
            use()


def test_dates_are_no_seconds() -> None:
    table = in_seconds()
    dated = table.assign(time=pd.Timestamp("2026-11-28") + pd.to_timedelta(table["time"], "s"))
    with pytest.raises(TableError, match=r"dt\.total_seconds\(\)"):
        set_columns(dated, time="time").smlm.drift()


def test_without_frames_and_times_both_remedies_are_named() -> None:
    table = in_seconds().drop(columns="time")
    table.attrs = {}
    with pytest.raises(TableError) as error:
        table.smlm.drift()
    assert "frame='...'" in str(error.value)
    assert "time='...'" in str(error.value)


@pytest.mark.parametrize("shift", [-1e5, 0.0, 1.7e9])
def test_negative_and_late_times_in_any_order(shift: float) -> None:
    table = in_seconds()
    moved = table.assign(time=table["time"] + shift).sample(frac=1, random_state=1)
    drift = moved.smlm.drift()
    np.testing.assert_allclose(drift["offset"], by_frames()["offset"], rtol=0, atol=1e-9)
    assert drift["time_start"].values[0] == pytest.approx(FIRST + shift, abs=1e-6)
    fixed = moved.smlm.correct(drift).sort_index()
    require_same_positions(fixed, in_seconds().smlm.correct(by_seconds()), within=1e-6)


def test_single_precision_is_said_where_it_loses_times() -> None:
    table = in_seconds()
    short = table.assign(time=table["time"].astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drift = short.smlm.drift()
    np.testing.assert_allclose(drift["offset"], by_frames()["offset"], rtol=0, atol=1e-9)
    lost = table.assign(time=(table["time"] + 1e6).astype(np.float32))
    with pytest.warns(SmlmWarning, match=r"single precision .* within 0\.062 s only"):
        lost.smlm.drift()


def test_times_that_are_not_even_as_those_of_traces() -> None:
    rng = np.random.default_rng(1)
    n, length = 800, 20
    begins = np.sort(rng.uniform(0, 3600, n))
    times = (begins[:, None] + np.cumsum(rng.gamma(4, 2e-3, (n, length)), axis=1)).ravel()
    places = rng.uniform(0, 500, (25, 2))[rng.integers(25, size=n)].repeat(length, axis=0)
    drift = np.stack([30 * np.sin(times / 1200), -20 * times / 3600], axis=1)
    xy = places + rng.normal(0, 2, (n * length, 2)) + drift
    table = pd.DataFrame({"tid": np.arange(n).repeat(length), "tim": times, "x": xy[:, 0],
                          "y": xy[:, 1]})  # fmt: skip
    table = set_columns(table, unit="nm")
    found = table.smlm.drift()
    left = table.smlm.correct(found)[["x", "y"]].to_numpy() - (xy - drift)
    assert (left.std(axis=0) < 1.5).all()
    assert len(table.smlm.correct(found)) == n * length
    lazy = dd.from_pandas(table, npartitions=3).smlm.drift()
    np.testing.assert_array_equal(lazy["offset"], found["offset"])


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [
        ({"chunk_duration": 10}, {"frames_per_chunk": 200}),
        ({"chunks": [3, 20.5, 53]}, {"chunks": [0, 350, 1000]}),
        ({"n_chunks": 4, "segments": [23.0]}, {"n_chunks": 4, "segments": [400]}),
        ({"chunk_size": 1000}, {"chunk_size": 1000}),
    ],
)
@pytest.mark.parametrize("method", ["cc", "icp"])
@pytest.mark.parametrize("lazy", [False, True])
def test_chunks_and_segments(
    seconds: dict[str, Any], frames: dict[str, Any], method: str, lazy: bool
) -> None:
    table = dd.from_pandas(in_seconds(), npartitions=3) if lazy else in_seconds()
    found = table.smlm.drift(method=method, **seconds)
    expected = in_frames().smlm.drift(method=method, **frames)
    np.testing.assert_allclose(found["offset"], expected["offset"], rtol=0, atol=1e-9)
    begins = expected["frame_start"] * PERIOD + FIRST
    np.testing.assert_allclose(found["time_start"], begins, atol=1e-9)
    np.testing.assert_array_equal(found["segment"], expected["segment"])


def test_a_large_table_is_sampled_alike() -> None:
    for method, rule in (("overlap", {}), ("cc", {"n_chunks": 3})):
        found, expected = (
            t.smlm.drift(method=method, max_localizations=2000, **rule)
            for t in (in_seconds(), in_frames())
        )
        assert found.sizes == expected.sizes
        np.testing.assert_array_equal(found["n_localizations"], expected["n_localizations"])


def test_parquet_tells_the_times(tmp_path: Path) -> None:
    in_seconds().to_parquet(tmp_path / "a.parquet")
    lazy = set_columns(dd.read_parquet(tmp_path / "a.parquet"), unit="nm")
    rule = {"method": "cc", "chunk_duration": 10, "max_localizations": 4000}
    found = lazy.smlm.drift(**rule)
    expected = in_seconds().smlm.drift(**rule)
    np.testing.assert_array_equal(found["offset"], expected["offset"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fixed = lazy.smlm.correct(found).compute()
    require_same_positions(fixed, in_seconds().smlm.correct(found))


def test_correcting_is_as_in_frames() -> None:
    expected = in_frames().smlm.correct(by_frames())
    require_same_positions(in_seconds().smlm.correct(by_seconds()), expected)
    lazy = dd.from_pandas(in_seconds(), npartitions=3).smlm.correct(by_seconds()).compute()
    require_same_positions(lazy, expected)
    fixed = in_seconds().smlm.correct(by_seconds())
    assert list(fixed.columns) == list(in_seconds().columns)
    pd.testing.assert_series_equal(fixed["time"], in_seconds()["time"])


@pytest.mark.parametrize("by", ["cubic", "linear", "chunk", None])
def test_seconds_and_frames_of_known_duration(by: str | None) -> None:
    since_0 = in_seconds().assign(time=lambda t: t["time"] - FIRST)
    frames = set_columns(in_frames(), frame_duration=PERIOD)
    drift = since_0.smlm.drift(method="cc", n_chunks=5)
    expected = since_0.smlm.correct(drift, by=by)
    require_same_positions(frames.smlm.correct(drift, by=by), expected)
    drift_in_frames = in_frames().smlm.drift(method="cc", n_chunks=5)
    expected = in_frames().smlm.correct(drift_in_frames, by=by)
    timed = set_columns(since_0, frame_duration=PERIOD)
    require_same_positions(timed.smlm.correct(drift_in_frames, by=by), expected)
    # The drift of a table that knows how long a frame is tells it to others.
    told = frames.smlm.drift(method="cc", n_chunks=5)
    assert told.attrs["frame_duration"] == PERIOD
    require_same_positions(since_0.smlm.correct(told, by=by), expected)
    model = drift.smlm.fit()
    require_same_positions(frames.smlm.correct(model), since_0.smlm.correct(model))


def test_the_remedy_is_named_where_nobody_knows_how_long_a_frame_is() -> None:
    remedy = re.escape("table = smlm_accessor.set_columns(table, frame_duration=0.05)")
    for table, drift, who in (
        (in_frames(), by_seconds(), "seconds, the table in frames"),
        (in_seconds(), by_frames(), "frames, the table in seconds"),
        (in_frames(), by_seconds().smlm.fit(), "seconds, the table in frames"),
    ):
        with pytest.raises(DriftError, match=f"counts time in {who}.*{remedy}"):
            table.smlm.correct(drift)
        with pytest.raises(DriftError, match=remedy):
            dd.from_pandas(table, npartitions=2).smlm.correct(drift)
    with pytest.raises(DriftError, match=remedy):
        in_frames().smlm.drift(start=by_seconds())


@pytest.mark.parametrize("offset", ["spline", "linear", ["polynomial", "constant"]])
@pytest.mark.parametrize("origin", ["first_chunk", "first_frame", "mean"])
def test_models_are_of_seconds(offset: Any, origin: str) -> None:
    times = np.array([4.0, 17.25, 40.0])
    model = by_seconds().smlm.fit(offset=offset, origin=origin)
    expected = by_frames().smlm.fit(offset=offset, origin=origin)
    found = model.drift(times)
    assert found.dims == ("time", "component")
    assert found["time"].values.tolist() == times.tolist()
    frames = (times - FIRST) / PERIOD
    # A spline's smoothing is searched numerically.
    np.testing.assert_allclose(found, expected.drift(frames), atol=1e-5)
    values = model.eval(times)
    np.testing.assert_allclose(values["offset_std"], expected.eval(frames)["offset_std"], rtol=1e-3)
    np.testing.assert_allclose(model.at_frames(times).offset, values["offset"])
    require_same_positions(
        in_seconds().smlm.correct(model), in_frames().smlm.correct(expected), within=1e-5
    )
    assert "63 chunks, 3 s to 53 s, origin" in repr(model)


def test_parameters_of_models_are_per_second() -> None:
    slope = by_seconds().smlm.fit(offset="linear").offset["x"].result.params["slope"].value
    per_frame = by_frames().smlm.fit(offset="linear").offset["x"].result.params["slope"].value
    assert slope == pytest.approx(per_frame / PERIOD)


def test_a_model_as_chunks_has_no_row_for_each_tick() -> None:
    model = by_seconds().smlm.fit()
    every = model.to_dataset()
    assert every.sizes["chunk"] <= 1000
    every.smlm.check()
    some = model.to_dataset([4.0, 5.5])
    assert some["time_start"].values.tolist() == [4.0, 5.5]
    require_same_positions(
        in_seconds().smlm.correct(every), in_seconds().smlm.correct(model), within=0.01
    )


def test_segments_of_models_begin_at_times() -> None:
    model = by_seconds().smlm.fit(offset="linear", segments=[23.0])
    expected = by_frames().smlm.fit(offset="linear", segments=[400])
    times = np.array([4.0, 22.9, 23.1, 50])
    frames = (times - FIRST) / PERIOD
    np.testing.assert_allclose(model.drift(times), expected.drift(frames), atol=1e-6)
    with pytest.raises(OptionError, match="no segment can begin with 1000 s, since the drift is"):
        by_seconds().smlm.fit(segments=[1000.0])


def test_a_start_may_be_in_seconds() -> None:
    found = in_seconds().smlm.drift(start=by_seconds())
    expected = in_frames().smlm.drift(start=by_frames())
    np.testing.assert_allclose(found["offset"], expected["offset"], rtol=0, atol=1e-6)
    log = pd.DataFrame({"t [s]": [0.0, 30, 60], "dx": [0.0, 1, 2], "dy": [0.0, 0, 0]})
    start = smlm_accessor.read_drift(log)
    since_0 = set_columns(in_frames(), frame_duration=PERIOD)
    one = since_0.smlm.drift(start=start)
    other = since_0.smlm.drift(start=smlm_accessor.read_drift(log, frame_duration=PERIOD))
    np.testing.assert_allclose(one["offset"], other["offset"], rtol=0, atol=0.05)
    with pytest.raises(OptionError, match=r"start knows 0 s to 60 s, but the table has 1003 s to"):
        in_seconds().assign(time=lambda t: t["time"] + 1000).smlm.drift(start=start)


def test_the_verdict_is_the_same() -> None:
    found = by_seconds().smlm.assess(in_seconds())
    expected = by_frames().smlm.assess(in_frames())
    assert str(found) == str(expected)
    assert found.time_unit == "s"
    chunked = [t.smlm.drift(method="cc", n_chunks=5) for t in (in_seconds(), in_frames())]
    verdicts = [d.smlm.assess(t) for d, t in zip(chunked, (in_seconds(), in_frames()), strict=True)]
    assert str(verdicts[0]) == str(verdicts[1])
    of_frames = set_columns(in_frames(), frame_duration=PERIOD)
    since_0 = in_seconds().assign(time=lambda t: t["time"] - FIRST)
    given = since_0.smlm.drift(method="cc", n_chunks=5).smlm.assess(of_frames)
    assert str(given) == str(verdicts[1])


def test_what_a_drift_and_a_table_say_of_themselves() -> None:
    text = drift_text(by_seconds())
    assert "3 s to 53 s" in text
    assert re.search(r"chunks of [\d.]+ s", text)
    assert "frame" not in text
    html = dataset_html(by_seconds())
    assert "time (s)" in html
    assert "time           3 s to 52.9" in repr(in_seconds().smlm).replace("  time", "time")
    lazy = dd.from_pandas(in_seconds(), npartitions=2)
    assert "localizations per second" in repr(lazy.smlm)
    model = by_seconds().smlm.fit()
    assert "time (s)" in model._repr_html_()
    broken = by_seconds().copy(deep=True)
    broken["valid"][1] = False
    assert re.search(r"not registered: 1 of \d+ chunks, [\d.]+ s to [\d.]+ s", drift_text(broken))


@pytest.mark.parametrize(("factor", "unit"), [(1, "s"), (60, "min"), (3600, "h")])
def test_axes_have_the_unit_that_fits(factor: float, unit: str) -> None:
    import matplotlib.pyplot as plt

    slow = in_seconds().assign(time=lambda t: t["time"] * factor)
    drift = slow.smlm.drift(method="cc", n_chunks=5)
    ax = drift.smlm.plot(model=drift.smlm.fit())
    assert ax.get_xlabel() == f"Time ({unit})"
    assert ax.dataLim.x0 == pytest.approx(3, abs=0.1)
    assert ax.dataLim.x1 == pytest.approx(53, abs=0.1)
    plt.close("all")


def test_the_page_is_in_seconds(tmp_path: Path) -> None:
    by_seconds().smlm.report(in_seconds(), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for words in ("Time (s)", "Drift over time", "3 s to 52.9", ">3 s<"):
        assert words in page
    assert "frame 3" not in page


def test_plots_of_the_table_know_the_time() -> None:
    image = in_seconds().smlm.render(bin_size=50, other_property="time")
    assert 3 <= float(np.nanmin(image)) < float(np.nanmax(image)) <= 53
    with pytest.raises(OptionError, match="other_property='frame'"):
        in_seconds().smlm.render(bin_size=50, other_property="frame")


def test_simulated_drift_is_per_second() -> None:
    terms = {
        "velocity": (0.4, -0.2),
        "sinusoid": {"amplitude": 5, "period": 20},
        "settling": {"amplitude": 3, "time_constant": 10},
        "rotation": 1e-3,
        "scale": 1e-4,
        "step": (23.0, (4.0, -3.0)),
        "curve": lambda t: np.stack([t, 0 * t], axis=1),
    }
    per_frame = {
        "velocity": (0.4 * PERIOD, -0.2 * PERIOD),
        "sinusoid": {"amplitude": 5, "period": 20 / PERIOD},
        "settling": {"amplitude": 3, "time_constant": 10 / PERIOD},
        "rotation": 1e-3 * PERIOD,
        "scale": 1e-4 * PERIOD,
        "step": (400, (4.0, -3.0)),
        "curve": lambda f: np.stack([f * PERIOD, 0 * f], axis=1),
    }
    moved, truth = in_seconds().smlm.simulate_drift(**terms, return_drift=True)
    expected = in_frames().smlm.simulate_drift(**per_frame)
    require_same_positions(moved, expected, within=1e-6)
    lazy = dd.from_pandas(in_seconds(), npartitions=3).smlm.simulate_drift(**terms).compute()
    require_same_positions(lazy, moved, within=1e-9)
    assert truth.attrs["time_unit"] == "s"
    truth.smlm.check()
    require_same_positions(moved.smlm.correct(truth), in_seconds(), within=1e-9)


def test_a_simulated_walk_in_time() -> None:
    times = np.sort(np.random.default_rng(1).uniform(0, 2000, 5000))
    table = pd.DataFrame({"time": times, "x": 0.0, "y": 0.0})
    one = table.smlm.simulate_drift(diffusion_constant=0.5, seed=2)
    again = table.smlm.simulate_drift(diffusion_constant=0.5, seed=2)
    pd.testing.assert_frame_equal(one, again)
    longer = table.loc[: len(table) // 2].smlm.simulate_drift(diffusion_constant=0.5, seed=2)
    pd.testing.assert_frame_equal(longer, one.loc[: len(table) // 2], check_flags=False)
    lazy = dd.from_pandas(table, npartitions=3)
    moved = lazy.smlm.simulate_drift(diffusion_constant=0.5, seed=2).compute()
    require_same_positions(moved, one)
    steps = np.diff(one[["x", "y"]].to_numpy(), axis=0) / np.sqrt(np.diff(times))[:, None]
    long = np.diff(times) > 0.1  # ten steps of the walk
    assert np.mean(steps[long] ** 2) == pytest.approx(2 * 0.5, rel=0.1)
    with pytest.raises(OptionError, match="a function of times in seconds"):
        table.smlm.simulate_drift(curve=np.zeros((10, 2)))
    with pytest.raises(OptionError, match="too many for a random walk"):
        table.assign(time=times * 1e4).smlm.simulate_drift(diffusion_constant=0.5)


def test_files_that_follow_each_other_in_time() -> None:
    first = in_seconds()
    joined = smlm_accessor.join_movies([first, first], names=["a", "b"])
    of_b = joined.query("file == 'b'")["time"]
    # After the last image of the first, by the usual time from one to the next.
    assert of_b.min() == pytest.approx(first["time"].max() + PERIOD, abs=1e-5)
    found = joined.smlm.drift(segments="file")
    assert found.smlm.jumps()["time"].tolist() == pytest.approx([of_b.min()], abs=1e-5)
    again = pd.concat([first, first], ignore_index=True)
    again.attrs = first.attrs
    with pytest.raises(TableError, match=r"Times begin again: after [\d.]+ s follows 3 s"):
        again.smlm.drift()
    lazy = dd.from_pandas(again.assign(file=np.repeat([0, 1], len(first))), npartitions=3)
    numbered = set_columns(lazy, time="time").smlm.number_frames(by="file").compute()
    np.testing.assert_allclose(numbered["time"], joined["time"], atol=1e-5)


def test_rows_in_the_order_of_time() -> None:
    mixed = in_seconds().sample(frac=1, random_state=1)
    assert mixed.smlm.sort_frames()["time"].is_monotonic_increasing
    lazy = dd.from_pandas(mixed.reset_index(drop=True), npartitions=3)
    assert lazy.smlm.sort_frames(shuffle=True).compute()["time"].is_monotonic_increasing
    with pytest.raises(TableError, match=r"they have times 3.* s to .* s and"):
        lazy.smlm.sort_frames()


def test_missing_z_is_told_in_seconds() -> None:
    rng = np.random.default_rng(1)
    z = rng.choice([0.0, 300.0], len(in_frames())) + rng.normal(0, 20, len(in_frames()))
    z[::3] = np.nan
    with pytest.warns(SmlmWarning, match="have no z"):
        found = in_seconds(z=z).smlm.drift(method="cc", n_chunks=4)
    with pytest.warns(SmlmWarning, match="have no z"):
        expected = in_frames().assign(z=z).smlm.drift(method="cc", n_chunks=4)
    found.smlm.check()
    np.testing.assert_allclose(found["offset"], expected["offset"], rtol=0, atol=1e-3)
    assert "time_start" in found.coords


def test_aligned_tables_may_count_time_differently() -> None:
    moved = in_seconds()
    moved["x"] += 25.0
    found = moved.smlm.align(in_frames())
    assert found["offset"].values[0].tolist() == pytest.approx([-25, 0], abs=0.5)
    found.smlm.check()
    expected = in_frames().assign(x=lambda t: t["x"] - 25)
    require_same_positions(in_frames().smlm.correct(found), expected, within=0.5)


def test_programs_that_count_frames_get_them(tmp_path: Path) -> None:
    since_0 = in_seconds().assign(time=lambda t: t["time"] - FIRST)
    path = tmp_path / "locs.csv"
    with pytest.raises(smlm_accessor.SmlmError, match=r"frame_duration=0\.05"):
        since_0.smlm.write(path, format="thunderstorm")
    set_columns(since_0, frame_duration=PERIOD).smlm.write(path, format="thunderstorm")
    again = smlm_accessor.read(path)
    assert again.smlm.columns.frame == "frame"
    np.testing.assert_array_equal(again["frame"], in_frames()["frame"])
    np.testing.assert_allclose(again["time"], since_0["time"])


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = in_seconds().rename(columns={"time": "t [s]", "x": "x [nm]", "y": "y [nm]"})
    table.to_csv(tmp_path / "in.csv", index=False)
    source, result = str(tmp_path / "in.csv"), str(tmp_path / "out.csv")
    assert main(["info", source]) == 0
    said = capsys.readouterr().out
    assert "time           't [s]'" in said
    assert re.search(r"time +3 s to 52\.9\d* s", said)
    rule = ["--method", "cc", "--chunk-duration", "10", "--segments", "23.0"]
    assert main(["correct", source, result, *rule]) == 0
    said = capsys.readouterr().out
    assert re.search(r"time +3 s to 52\.9", said)
    assert "at 23 s" in said
    drift = smlm_accessor.read_drift(tmp_path / "out_drift.nc")
    assert drift.smlm.jumps()["time"].tolist() == [23.0]
    frames = in_frames().rename(columns={"x": "x [nm]", "y": "y [nm]"})
    frames.to_csv(tmp_path / "frames.csv", index=False)
    by = ["--drift", str(tmp_path / "out_drift.nc"), "--outside", "hold"]
    given = ["correct", str(tmp_path / "frames.csv"), str(tmp_path / "fixed.csv"), *by]
    assert main(given) == 2
    assert "--frame-duration 0.05" in capsys.readouterr().err
    assert main([*given, "--frame-duration", "0.05", "--force"]) == 0


def test_nothing_is_made_for_each_tick() -> None:
    """A day at a microsecond would be 10**11 of them."""
    table = in_seconds().assign(time=lambda t: t["time"] * 2000)
    drift = table.smlm.drift(method="cc", n_chunks=5)
    stop = counted(drift)["frame_stop"].values[-1]
    assert stop > 10**11
    model = drift.smlm.fit()
    table.smlm.correct(model)
    model.to_dataset()
    drift.smlm.assess(table)
    drift.smlm.compose(drift.isel(chunk=slice(1, None)))
    dd.from_pandas(table, npartitions=2).smlm.correct(drift).compute()
