"""Rules and records in frames or seconds, in counts of a table's clock."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.estimation.counting import Counter, resolution
from smlm_accessor.table.clock import FRAMES, SECONDS


@pytest.mark.parametrize(
    ("counter", "given", "expected"),
    [
        (Counter(FRAMES), {"frames_per_chunk": 7}, {"frames_per_chunk": 7}),
        (Counter(FRAMES, 0.1), {"chunk_duration": 30}, {"frames_per_chunk": 300}),
        (Counter(FRAMES, 0.1), {"chunk_duration": 0.01}, {"frames_per_chunk": 1}),
        (Counter(FRAMES, 0.1), {"chunk_duration": 0.3}, {"frames_per_chunk": 3}),
        (Counter(SECONDS), {"chunk_duration": 1.5}, {"frames_per_chunk": 1_500_000}),
        (Counter(SECONDS, 0.1), {"frames_per_chunk": 20}, {"frames_per_chunk": 2_000_000}),
        (Counter(SECONDS), {"n_chunks": 4}, {"n_chunks": 4}),
    ],
)
def test_lengths(counter: Counter, given: dict[str, float], expected: dict[str, int]) -> None:
    assert counter.rule(given) == expected


def test_edges() -> None:
    edges = Counter(SECONDS).rule({"chunks": [0, 0.5, 2]})["chunks"]
    assert edges.tolist() == [0, 500_000, 2_000_000]
    pairs = Counter(SECONDS).rule({"chunks": [(0, 1), (1, 2)]})["chunks"]
    assert pairs.tolist() == [[0, 1_000_000], [1_000_000, 2_000_000]]
    assert Counter(FRAMES).rule({"chunks": [0, 5]}) == {"chunks": [0, 5]}


@pytest.mark.parametrize(
    ("clock", "given", "words"),
    [
        (FRAMES, {"chunk_duration": 10}, "or give frames_per_chunk=500 instead"),
        (SECONDS, {"frames_per_chunk": 10}, "or give chunk_duration=30 instead"),
    ],
)
def test_the_duration_of_a_frame_has_to_be_said(
    clock: object, given: dict[str, float], words: str
) -> None:
    with pytest.raises(OptionError, match=words) as error:
        Counter(clock).rule(given)  # type: ignore[arg-type]
    assert "set_columns(table, frame_duration=0.05)" in str(error.value)


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "long"])
def test_a_duration_is_a_length(value: object) -> None:
    with pytest.raises(OptionError, match="chunk_duration"):
        Counter(SECONDS).rule({"chunk_duration": value})


def test_what_a_method_chose_is_recorded_per_second() -> None:
    chosen = {
        "smoothing_frames": 2_500_000,
        "walk_per_frame": [2e-6],
        "bend_per_frame": [3e-18],
        "jerk_per_frame": [4e-30],
        "coarse": {"coarse_frames_per_segment": 500_000, "jumps": [250_000]},
        "precision": [5.0],
    }
    found = Counter(SECONDS).record(chosen)
    assert found["smoothing_seconds"] == 2.5
    assert found["coarse"] == {"coarse_seconds_per_segment": 0.5, "jumps": [0.25]}
    assert found["precision"] == [5.0]
    for name, value in (("walk", 2), ("bend", 3), ("jerk", 4)):
        assert found[f"{name}_per_second"] == pytest.approx([value])
    assert Counter(FRAMES).record(chosen) == chosen


@pytest.mark.parametrize(
    ("first", "step", "lost"),
    [(0.0, 0.05, False), (1e3, 0.05, False), (1e6, 0.05, True), (1.7e9, 10.0, True)],
)
def test_single_precision_that_hides_when_things_were_is_found(
    first: float, step: float, lost: bool
) -> None:
    times = first + step * np.arange(2000)
    single = np.unique(SECONDS.counts(times.astype(np.float32)))
    assert (resolution(single) is not None) == lost
    assert resolution(SECONDS.counts(times)) is None
    if lost:
        assert resolution(single) == np.spacing(np.float32(times[-1]))


def test_whole_seconds_are_no_loss() -> None:
    assert resolution(SECONDS.counts(np.arange(1000.0))) is None
    assert resolution(SECONDS.counts([5.0])) is None
