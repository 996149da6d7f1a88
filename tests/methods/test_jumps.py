"""Jumps of the sample, found and given, and files one after the other."""

from __future__ import annotations

import warnings
from functools import cache

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.drift import jump_frames
from smlm_accessor.errors import InvalidChunkWarning, OptionError, TableError
from tests import scenes

AT, N_FRAMES = 1300, 3000
FINDERS = ("overlap", "aim", "rcc")
ALL = (*FINDERS, "icp", "cc")
PRECISE = {"overlap": 0.5, "aim": 0.8, "rcc": 1.2, "icp": 2.5, "cc": 4.0}
OFF = {"overlap": 1, "aim": 1, "rcc": 1}  # frames


@cache
def still() -> pd.DataFrame:
    at = scenes.sites(300, 8_000, seed=5)
    scene = scenes.visits(at, n=20_000, n_frames=N_FRAMES, precision=8, seed=5)
    return smlm_accessor.set_columns(scene.still, unit="nm")


@cache
def jumping(step: float) -> pd.DataFrame:
    jump = [(AT, (0.8 * step, -0.6 * step))] if step else None
    return still().smlm.simulate_drift(
        velocity=0.01, sinusoid={"amplitude": 15, "period": 2500}, step=jump, seed=2
    )


@cache
def found(step: float, method: str) -> xr.Dataset:
    drift: xr.Dataset = jumping(step).smlm.drift(method=method)
    return drift


@pytest.mark.parametrize("method", FINDERS)
@pytest.mark.parametrize("step", [150.0, 1500.0])
def test_a_jump_is_found_at_its_frame(method: str, step: float) -> None:
    drift = found(step, method)
    [at] = jump_frames(drift).tolist()
    assert abs(at - AT) <= OFF[method]
    table = drift.smlm.jumps()
    assert table["x"].item() == pytest.approx(0.8 * step, abs=5)
    assert table["y"].item() == pytest.approx(-0.6 * step, abs=5)
    rows = ~still()["frame"].between(min(at, AT), max(at, AT) - 1)
    fixed = jumping(step).smlm.correct(drift)
    assert fixed[rows].smlm.rmse(still()[rows]).max() < PRECISE[method]


@pytest.mark.parametrize("method", FINDERS)
def test_a_drift_without_jumps_has_none(method: str) -> None:
    assert not len(jump_frames(found(0.0, method)))


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("rule", [{}, {"frames_per_chunk": 250}])
def test_a_jump_that_is_given(method: str, rule: dict[str, int]) -> None:
    drift = jumping(1500.0).smlm.drift(method=method, segments=[AT], **rule)
    assert jump_frames(drift).tolist() == [AT]
    assert AT in drift["frame_start"].values
    fixed = jumping(1500.0).smlm.correct(drift)
    assert fixed.smlm.rmse(still()).max() < PRECISE[method]
    assert drift.attrs["parameters"].count('"segments"') == 1


@pytest.mark.parametrize("method", ["icp", "cc"])
def test_jumps_can_be_found_for_methods_that_find_none(method: str) -> None:
    drift = jumping(1500.0).smlm.drift(method=method, segments="find")
    assert jump_frames(drift).tolist() == [AT]
    assert jumping(1500.0).smlm.correct(drift).smlm.rmse(still()).max() < PRECISE[method]


def test_one_segment_on_demand() -> None:
    drift = jumping(150.0).smlm.drift(method="aim", segments=None)
    assert not len(jump_frames(drift))


def test_beads_jump() -> None:
    table = scenes.beads(scenes.sites(4, seed=3), n_frames=1000, seed=3).still
    moved = table.smlm.simulate_drift(velocity=0.02, step=[(400, (80, 30))])
    for given in ("auto", [400]):
        drift = moved.smlm.drift(method="fiducial", segments=given)
        assert jump_frames(drift).tolist() == [400]
        assert moved.smlm.correct(drift).smlm.rmse(table).max() < 2.5


class TestFiles:
    @pytest.fixture
    def files(self) -> list[pd.DataFrame]:
        first = jumping(1500.0).query("frame < @AT")
        second = jumping(1500.0).query("frame >= @AT")
        return [first, second.assign(frame=second["frame"] - AT)]

    def test_frame_numbers_that_begin_again_are_an_error(self, files: list[pd.DataFrame]) -> None:
        both = pd.concat(files, ignore_index=True)
        for table in (both, dd.from_pandas(both, npartitions=5)):
            for method in ("aim", "cc"):
                with pytest.raises(TableError, match=r"begin again: after frame 1299 follows") as e:
                    table.smlm.drift(method=method)
                assert "number_frames()" in str(e.value)
                assert "segments='file'" in str(e.value)

    def test_the_remedy_works(self, files: list[pd.DataFrame]) -> None:
        table = pd.concat(files, ignore_index=True).smlm.number_frames()
        drift = table.smlm.drift(method="aim", segments="file")
        assert jump_frames(drift).tolist() == [AT]
        assert table.smlm.correct(drift).smlm.rmse(still()).max() < PRECISE["aim"]
        assert drift.smlm.assess(table).verdict == "improved"
        joined = smlm_accessor.join_movies([f.reset_index(drop=True) for f in files])
        pd.testing.assert_frame_equal(joined, table, check_dtype=False)

    def test_two_channels_are_one_movie_on_demand(self) -> None:
        both = pd.concat([jumping(0.0)[::2], jumping(0.0)[1::2]], ignore_index=True)
        with pytest.raises(TableError, match=r"segments=None"):
            both.smlm.drift(method="aim")
        drift = both.smlm.drift(method="aim", segments=None)
        np.testing.assert_array_equal(drift["offset"], found(0.0, "aim")["offset"])
        assert drift.smlm.assess(both).verdict == "improved"

    def test_dask_reads_the_column(self, files: list[pd.DataFrame]) -> None:
        table = pd.concat(files, ignore_index=True).smlm.number_frames()
        expected = table.smlm.drift(method="cc", n_chunks=6, segments="file")
        lazy = dd.from_pandas(table, npartitions=3)
        found = lazy.smlm.drift(method="cc", n_chunks=6, segments="file")
        np.testing.assert_array_equal(found["offset"], expected["offset"])
        np.testing.assert_array_equal(found["segment"], expected["segment"])

    def test_files_that_share_frames_are_an_error(self, files: list[pd.DataFrame]) -> None:
        both = pd.concat([f.assign(file=k) for k, f in enumerate(files)], ignore_index=True)
        with pytest.raises(TableError, match=r"number_frames\(by='file'\)"):
            both.smlm.drift(method="aim", segments="file")

    def test_no_such_column(self) -> None:
        with pytest.raises(OptionError, match=r"segments='movie' is neither a column"):
            jumping(0.0).smlm.drift(method="aim", segments="movie")

    def test_frames_that_are_no_numbers(self) -> None:
        with pytest.raises(OptionError, match=r"segments=\[1.5\] must be the frames"):
            jumping(0.0).smlm.drift(method="aim", segments=[1.5])


def test_pandas_and_dask_agree_on_a_found_jump() -> None:
    drift = dd.from_pandas(jumping(150.0), npartitions=4).smlm.drift(method="overlap")
    np.testing.assert_array_equal(drift["offset"], found(150.0, "overlap")["offset"])
    np.testing.assert_array_equal(drift["segment"], found(150.0, "overlap")["segment"])


def test_a_chunk_over_a_jump_is_an_error() -> None:
    with pytest.raises(OptionError, match=f"put {AT} among the edges"):
        jumping(0.0).smlm.drift(method="cc", chunks=[0, 1000, 2000, 3000], segments=[AT])
    with pytest.raises(OptionError, match="at least n_chunks=3"):
        jumping(0.0).smlm.drift(method="cc", n_chunks=2, segments=[1000, 2000])


def test_nothing_to_find_is_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", InvalidChunkWarning)
        jumping(0.0).smlm.drift(method="cc", segments="find")


@pytest.mark.parametrize("method", FINDERS)
def test_refocussing_is_found(method: str) -> None:
    table = smlm_accessor.simulate_npc(n_structures=60, dimension=3, seed=1)
    moved = table.smlm.simulate_drift(velocity=0.003, step=[(4000, (0, 0, 600))])
    drift = moved.smlm.drift(method=method)
    assert jump_frames(drift).tolist() == [4000]
    assert drift.smlm.jumps()["z"].item() == pytest.approx(600, abs=30)
    assert moved.smlm.correct(drift).smlm.rmse(table).max() < 3
