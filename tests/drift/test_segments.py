"""Segments: continuous within, free between, in Datasets, corrections and models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.drift import build, jump_frames, require_drift
from smlm_accessor.drift.between_chunks import evaluate
from smlm_accessor.drift.composition import compose, inverse, with_origin
from smlm_accessor.drift.jumps import jump_table
from smlm_accessor.errors import DriftError, OptionError, SmlmWarning
from smlm_accessor.io import read_drift, write_drift
from smlm_accessor.models import fit

SLOPE = 0.5


def drift_with(
    jumps: list[int], *, n: int = 12, step: float = 100.0, invalid: tuple[int, ...] = ()
) -> xr.Dataset:
    """Drift of half a unit per frame in x, and of a step at each jump; ten frames in a chunk."""
    start = 10 * np.arange(n)
    frame = start + 4.5
    segment = np.searchsorted(jumps, start, side="right")
    x = SLOPE * frame + step * segment
    offset = -np.stack([x, np.zeros(n)], axis=1)
    offset[list(invalid)] = np.nan
    return build(
        offset=offset, components="xy", frame=frame, frame_start=start, frame_stop=start + 10,
        segment=segment, n_localizations=np.full(n, 100), offset_std=np.full((n, 2), 0.3),
    )  # fmt: skip


def truth(frames: np.ndarray, jumps: list[int], step: float = 100.0) -> np.ndarray:
    return SLOPE * frames + step * np.searchsorted(jumps, frames, side="right")


@pytest.mark.parametrize("by", ["linear", "cubic"])
@given(at=st.lists(st.integers(1, 11), min_size=1, max_size=4, unique=True))
def test_nothing_is_interpolated_across_a_jump(by: str, at: list[int]) -> None:
    jumps = sorted(10 * k for k in at)
    frames = np.arange(120)
    found = -evaluate(drift_with(jumps), frames, by=by).offset[:, 0]
    of = np.searchsorted(jumps, frames, side="right")
    several = np.bincount(np.searchsorted(jumps, 10 * np.arange(12), side="right"))[of] > 1
    # A segment of one chunk has no slope: half a chunk of drift to either side.
    np.testing.assert_allclose(found[several], truth(frames, jumps)[several], atol=1e-9)
    assert np.abs(found - truth(frames, jumps)).max() <= 4.5 * SLOPE + 1e-9


def test_without_the_coordinate_all_is_one_segment() -> None:
    drift = drift_with([60])
    old = drift.drop_vars("segment")
    assert not len(jump_frames(old))
    frames = np.arange(120)
    smeared = -evaluate(old, frames).offset[:, 0]
    assert np.abs(smeared - truth(frames, [60]))[55:65].max() > 30


def test_by_chunk_does_not_change() -> None:
    drift = drift_with([60])
    frames = np.arange(120)
    one = evaluate(drift, frames, by="chunk").offset
    np.testing.assert_array_equal(one, evaluate(drift.drop_vars("segment"), frames, by="chunk")[1])


def test_an_invalid_chunk_beside_a_jump_is_not_bridged_from_the_other_side() -> None:
    frames = np.arange(120)
    drift = drift_with([60], invalid=(6,))
    found = -evaluate(drift, frames).offset[:, 0]
    # Chunk 7 begins at frame 70: before that, its first value is held.
    assert np.abs(found - truth(frames, [60])).max() <= 10 * SLOPE + 1e-9


def test_a_segment_without_valid_chunks_is_bridged_from_both_sides() -> None:
    drift = drift_with([50, 60], invalid=(5,))
    found = -evaluate(drift, np.arange(120)).offset[:, 0]
    assert truth(np.array(49), [50, 60]) < found[55] < truth(np.array(60), [50, 60])


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_segments_go_through_files(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("zarr" if suffix == ".zarr" else "h5netcdf")
    write_drift(drift_with([60, 90]), tmp_path / f"drift{suffix}")
    loaded = read_drift(tmp_path / f"drift{suffix}")
    assert jump_frames(loaded).tolist() == [60, 90]
    frames = np.arange(120)
    np.testing.assert_array_equal(
        evaluate(loaded, frames).offset, evaluate(drift_with([60, 90]), frames).offset
    )


def test_numbers_that_go_back_are_an_error() -> None:
    wrong = drift_with([60]).assign_coords(segment=("chunk", [1] * 6 + [0] * 6))
    with pytest.raises(DriftError, match="chunk 6 has a smaller number of its segment"):
        require_drift(wrong)


class TestComposition:
    def test_the_inverse_has_the_same_jumps(self) -> None:
        assert jump_frames(inverse(drift_with([60]))).tolist() == [60]

    @pytest.mark.parametrize("origin", ["first_chunk", "first_frame", "mean"])
    def test_another_origin_leaves_jumps(self, origin: str) -> None:
        moved = with_origin(drift_with([60]), origin)
        step = np.diff(-evaluate(moved, np.array([59, 60])).offset[:, 0])
        assert step == pytest.approx(100 + SLOPE)

    def test_a_composed_drift_jumps_where_either_does(self) -> None:
        first, second = drift_with([60]), drift_with([30, 90], n=12, step=7)
        both = compose(first, second)
        assert jump_frames(both).tolist() == [30, 60, 90]

    def test_with_other_chunks_jumps_stay_at_their_frame(self) -> None:
        start = np.array([0, 35, 77])
        second = build(
            offset=[[0, 0], [-7, 0], [-7, 0]], components="xy", frame=[17, 55, 100],
            frame_start=start, frame_stop=[35, 77, 120], segment=[0, 1, 1],
        )  # fmt: skip
        both = compose(drift_with([60]), second)
        assert jump_frames(both).tolist() == [35, 60]
        frames = np.arange(5, 115)
        expected = truth(frames, [60]) + 7 * (frames >= 35)
        np.testing.assert_allclose(
            -evaluate(both, frames, by="linear").offset[:, 0], expected, atol=0.3
        )


class TestModels:
    @pytest.mark.parametrize("offset", ["linear", "spline", "polynomial"])
    def test_models_are_free_between_segments(self, offset: str) -> None:
        model = fit(drift_with([60]), offset=offset, origin="first_frame")
        frames = np.arange(120)
        found = model.drift(frames).sel(component="x").values
        np.testing.assert_allclose(found, truth(frames, [60]), atol=1e-6)

    def test_one_segment_on_demand_is_smeared(self) -> None:
        model = fit(drift_with([60]), offset="linear", segments=None)
        assert not len(jump_frames(model.transformations))
        assert np.ptp(model.drift([59, 60]).sel(component="x").values) < 5

    def test_segments_can_be_given(self) -> None:
        plain = drift_with([60]).drop_vars("segment")
        model = fit(plain, offset="linear", segments=[60])
        assert model.drift([60]).values[0, 0] - model.drift([59]).values[0, 0] == pytest.approx(
            100 + SLOPE
        )

    def test_segments_can_be_found_among_chunks(self) -> None:
        rng = np.random.default_rng(1)
        plain = drift_with([60]).drop_vars("segment")
        plain["offset"] = plain["offset"] + rng.normal(0, 0.3, plain["offset"].shape)
        assert jump_frames(fit(plain, segments="find").transformations).tolist() == [60]

    def test_a_short_segment_gets_a_lower_degree(self) -> None:
        model = fit(drift_with([110]), offset={"x": "polynomial", "y": "linear"})
        at = model.drift([115]).sel(component="x").item()
        assert at - model.drift([5]).sel(component="x").item() == pytest.approx(
            truth(np.array(114.5), [110]) - truth(np.array(5.0), [110])
        )

    def test_a_segment_without_valid_chunks_goes_on_with_the_one_before(self) -> None:
        model = fit(drift_with([50, 60], invalid=(5,)), offset="linear", origin="first_frame")
        assert model.drift([55]).values[0, 0] == pytest.approx(SLOPE * 55)

    def test_the_band_is_that_of_the_segment(self) -> None:
        few = fit(drift_with([100]), offset="linear").eval([50, 110]).offset_std
        assert few.shape == (2, 2)

    def test_by_frame_the_segments_stay(self) -> None:
        by_frame = fit(drift_with([60, 90]), offset="linear").to_dataset()
        assert jump_frames(by_frame).tolist() == [60, 90]

    def test_the_summary_shows_each_segment(self) -> None:
        assert " | " in repr(fit(drift_with([60]), offset="linear"))

    @pytest.mark.parametrize("wrong", ["file", [0], [500], [2.5], "none"])
    def test_what_makes_no_sense_is_an_error(self, wrong: object) -> None:
        with pytest.raises(OptionError, match="segments="):
            fit(drift_with([60]), segments=wrong)  # type: ignore[arg-type]


class TestJumpTable:
    def test_size_and_error(self) -> None:
        table = jump_table(drift_with([60, 90]))
        assert table["frame"].tolist() == [60, 90]
        assert table["x"].tolist() == pytest.approx([100 + SLOPE] * 2)
        assert table["y"].tolist() == pytest.approx([0, 0])
        assert table["std_x"].tolist() == pytest.approx([0.3 * np.sqrt(2)] * 2)

    def test_none(self) -> None:
        assert list(jump_table(drift_with([])).columns) == ["frame", "x", "y", "std_x", "std_y"]
        assert not len(jump_table(drift_with([])))


def test_a_bridged_chunk_warns_when_corrected_by_chunk() -> None:
    with pytest.warns(SmlmWarning, match="chunk 6"):
        evaluate(drift_with([60], invalid=(6,)), np.arange(120), by="chunk")
