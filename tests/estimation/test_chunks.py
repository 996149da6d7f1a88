"""Chunks hold every localization once, and as many as the words promise."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor._typing import IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.estimation.chunks import DEFAULT_N_CHUNKS, chunk_edges
from smlm_accessor.timeline import Timeline


def make_chunks(frames: IntArray, counts: IntArray, **rule: Any) -> IntArray:
    return chunk_edges(Timeline(frames, counts, frames[:0], int(counts.sum())), **rule)


@st.composite
def movies(draw: st.DrawFn) -> tuple[IntArray, IntArray]:
    """Frames that have localizations, from any start and with gaps, and how many each has."""
    gaps = draw(st.lists(st.integers(1, 50), min_size=1, max_size=60))
    start = draw(st.integers(-1000, 10**9))
    counts = draw(st.lists(st.integers(1, 200), min_size=len(gaps), max_size=len(gaps)))
    return start + np.cumsum(gaps), np.array(counts)


def localizations_per_chunk(edges: IntArray, frames: IntArray, counts: IntArray) -> list[int]:
    return [int(counts[(a <= frames) & (frames < b)].sum()) for a, b in pairwise(edges)]


def require_sound(edges: IntArray, frames: IntArray, counts: IntArray) -> list[int]:
    """Every localization in exactly one chunk; chunks follow each other."""
    sizes = localizations_per_chunk(edges, frames, counts)
    assert sum(sizes) == counts.sum()
    assert (np.diff(edges) > 0).all()
    assert edges.dtype == np.int64
    assert edges[0] <= frames[0]
    assert edges[-1] > frames[-1]
    return sizes


@given(movies(), st.data())
def test_n_chunks_gives_that_many_and_none_is_empty(
    movie: tuple[IntArray, IntArray], data: st.DataObject
) -> None:
    frames, counts = movie
    n_chunks = data.draw(st.integers(1, len(frames)))
    chunks = make_chunks(frames, counts, n_chunks=n_chunks)
    sizes = require_sound(chunks, frames, counts)
    assert len(sizes) == len(chunks) - 1 == n_chunks
    assert min(sizes) > 0


@given(st.integers(1, 60), st.integers(1, 40), st.integers(1, 20))
def test_n_chunks_differ_by_at_most_one_frame(n_frames: int, n_chunks: int, each: int) -> None:
    n_chunks = min(n_chunks, n_frames)
    frames, counts = np.arange(n_frames), np.full(n_frames, each)
    sizes = require_sound(make_chunks(frames, counts, n_chunks=n_chunks), frames, counts)
    assert max(sizes) - min(sizes) <= each


@given(movies())
def test_n_chunks_are_cut_at_the_nearest_frame(movie: tuple[IntArray, IntArray]) -> None:
    frames, counts = movie
    if len(frames) < 2:
        return
    first = require_sound(make_chunks(frames, counts, n_chunks=2), frames, counts)[0]
    possible = np.cumsum(counts)[:-1]
    half = counts.sum() / 2
    assert abs(first - half) == np.abs(possible - half).min()


@given(movies(), st.integers(1, 3000))
def test_chunk_size_is_kept_to_whole_frames(
    movie: tuple[IntArray, IntArray], chunk_size: int
) -> None:
    frames, counts = movie
    chunks = make_chunks(frames, counts, chunk_size=chunk_size)
    sizes = require_sound(chunks, frames, counts)
    assert min(sizes) > 0
    # Each cut is at the frame nearest to a multiple of the size.
    before_cuts = np.cumsum(sizes)[:-1]
    possible = np.cumsum(counts)
    for before in before_cuts:
        multiple = np.arange(1, counts.sum() // chunk_size + 2) * chunk_size
        nearest = np.abs(possible[:, None] - multiple).min(axis=0)
        assert (np.abs(before - multiple) == nearest).any()
    largest = counts.max()
    assert max(sizes) <= chunk_size + largest
    if chunk_size > largest:
        assert all(abs(size - chunk_size) <= largest for size in sizes[:-1])


def test_chunk_size_where_it_fits() -> None:
    frames, counts = np.arange(100), np.full(100, 3)
    chunks = make_chunks(frames, counts, chunk_size=60)
    assert localizations_per_chunk(chunks, frames, counts) == [60, 60, 60, 60, 60]
    chunks = make_chunks(frames, counts, chunk_size=70)
    assert localizations_per_chunk(chunks, frames, counts) == [69, 72, 69, 69, 21]


def test_a_size_of_more_than_there_is_gives_one_chunk() -> None:
    frames, counts = np.array([3, 9]), np.array([5, 5])
    for size in (10, 11, 10**9):
        assert make_chunks(frames, counts, chunk_size=size).tolist() == [3, 10]


@given(movies(), st.integers(1, 4000))
def test_frames_per_chunk_counts_frames_not_localizations(
    movie: tuple[IntArray, IntArray], frames_per_chunk: int
) -> None:
    frames, counts = movie
    chunks = make_chunks(frames, counts, frames_per_chunk=frames_per_chunk)
    require_sound(chunks, frames, counts)
    lengths = np.diff(chunks)
    assert (lengths[:-1] == frames_per_chunk).all()
    assert lengths[-1] <= frames_per_chunk
    assert (chunks[0], chunks[-1]) == (frames[0], frames[-1] + 1)


def test_frames_per_chunk_keeps_empty_chunks() -> None:
    chunks = make_chunks(np.array([0, 35]), np.array([2, 3]), frames_per_chunk=10)
    assert chunks.tolist() == [0, 10, 20, 30, 36]


@given(movies(), st.data())
def test_explicit_edges_are_kept(movie: tuple[IntArray, IntArray], data: st.DataObject) -> None:
    frames, counts = movie
    inner = data.draw(st.sets(st.integers(int(frames[0]), int(frames[-1]) + 1), max_size=8))
    edges = sorted({int(frames[0]) - data.draw(st.integers(0, 5)), *inner, int(frames[-1]) + 7})
    chunks = make_chunks(frames, counts, chunks=edges)
    require_sound(chunks, frames, counts)
    assert chunks.tolist() == edges
    pairs = list(pairwise(edges))
    assert make_chunks(frames, counts, chunks=pairs).tolist() == edges


@pytest.mark.parametrize(
    "chunks",
    [[0, 5, 10], (0, 5, 10), np.array([0, 5, 10]), np.array([0.0, 5.0, 10.0]), range(0, 11, 5)],
)
def test_edges_in_any_container(chunks: Any) -> None:
    assert make_chunks(np.arange(10), np.ones(10, int), chunks=chunks).tolist() == [0, 5, 10]


def test_pairs_may_leave_out_frames_that_have_nothing() -> None:
    frames, counts = np.array([0, 1, 8, 9]), np.array([1, 2, 3, 4])
    chunks = make_chunks(frames, counts, chunks=[(0, 2), (8, 10)])
    assert require_sound(chunks, frames, counts) == [3, 7]


def test_without_a_rule_there_are_ten() -> None:
    assert len(make_chunks(np.arange(100), np.ones(100, int))) - 1 == DEFAULT_N_CHUNKS == 10
    assert len(make_chunks(np.arange(4), np.ones(4, int))) - 1 == 4


def test_a_frame_with_nearly_everything() -> None:
    frames, counts = np.arange(5), np.array([1, 1, 10_000, 1, 1])
    assert len(make_chunks(frames, counts, n_chunks=4)) - 1 == 4
    sizes = require_sound(make_chunks(frames, counts, chunk_size=2), frames, counts)
    assert max(sizes) == 10_000


# What cannot be.

FRAMES, COUNTS = np.arange(10, 20), np.full(10, 5)


def test_only_one_rule_may_be_given() -> None:
    with pytest.raises(OptionError, match=r"only one of .*you gave chunk_size, n_chunks"):
        make_chunks(FRAMES, COUNTS, chunk_size=10, n_chunks=2)


@pytest.mark.parametrize("rule", ["chunk_size", "n_chunks", "frames_per_chunk"])
@pytest.mark.parametrize("value", [0, -3, 2.5, True, "ten", "10", float("nan"), float("inf"), [3]])
def test_rules_are_whole_numbers_of_at_least_one(rule: str, value: Any) -> None:
    with pytest.raises(
        OptionError,
        match=rf"{rule}=.* must be (at least 1|a whole number|finite|one number|a number)",
    ):
        make_chunks(FRAMES, COUNTS, **{rule: value})


@pytest.mark.parametrize("value", [2, 2.0, np.int32(2), np.float32(2)])
def test_whole_numbers_of_any_kind(value: Any) -> None:
    assert make_chunks(FRAMES, COUNTS, n_chunks=value).tolist() == [10, 15, 20]


def test_more_chunks_than_frames() -> None:
    with pytest.raises(OptionError, match=r"n_chunks=11 but only 10 frames.*at most n_chunks=10"):
        make_chunks(FRAMES, COUNTS, n_chunks=11)


@pytest.mark.parametrize(
    ("chunks", "problem"),
    [
        ([10, 15], "leave out 5 frames.*the first is 15.*from 10 to 20"),
        ([11, 20], "leave out 1 frames.*the first is 10"),
        ([10, 15, 15, 20], "must increase"),
        ([20, 15, 10], "must increase"),
        ([10, 15.5, 20], "whole-number frame edges"),
        ([10, float("nan"), 20], "whole-number frame edges"),
        ([10, float("inf")], "whole-number frame edges"),
        (["10", "20"], "whole-number frame edges"),
        ([10], "whole-number frame edges"),
        ([], "whole-number frame edges"),
        (20, "whole-number frame edges"),
        ([(10, 12, 20)], "whole-number frame edges"),
        ([(10, 15), (14, 20)], "overlap: one ends at 15, the next starts at 14"),
        ([(10, 14), (15, 20)], "leave out the frames from 14 to 15"),
        ([(10, 15), (15, 19)], "leave out 1 frames"),
        ([(20, 15), (15, 20)], "must increase"),
    ],
)
def test_edges_that_cannot_be(chunks: Any, problem: str) -> None:
    with pytest.raises(OptionError, match=problem):
        make_chunks(FRAMES, COUNTS, chunks=chunks)


def test_the_message_about_long_edges_is_short() -> None:
    with pytest.raises(OptionError) as error:
        make_chunks(FRAMES, COUNTS, chunks=list(range(5000, 0, -1)))
    assert len(str(error.value)) < 200


class TestJumps:
    """No chunk reaches over a frame that begins a segment."""

    frames, counts = np.arange(100), np.full(100, 10)

    @pytest.mark.parametrize(
        ("rule", "edges"),
        [
            ({"n_chunks": 5}, [0, 15, 30, 53, 77, 100]),
            ({"chunk_size": 300}, [0, 30, 60, 90, 100]),
            ({"frames_per_chunk": 40}, [0, 30, 70, 100]),
            ({"chunks": [0, 30, 100]}, [0, 30, 100]),
        ],
    )
    def test_the_rule_holds_within_segments(self, rule: dict[str, Any], edges: list[int]) -> None:
        made = make_chunks(self.frames, self.counts, jumps=np.array([30]), **rule)
        assert made.tolist() == edges

    @given(
        jumps=st.lists(st.integers(-20, 140), max_size=6, unique=True),
        n_chunks=st.integers(8, 40),
    )
    def test_n_chunks_keeps_its_word(self, jumps: list[int], n_chunks: int) -> None:
        at = np.array(sorted(jumps), dtype=np.int64)
        made = make_chunks(self.frames, self.counts, n_chunks=n_chunks, jumps=at)
        assert len(made) - 1 == n_chunks
        assert np.isin(at[(at > 0) & (at < 100)], made).all()
        assert (np.diff(made) > 0).all()

    def test_without_a_rule_there_is_a_chunk_for_each_segment(self) -> None:
        at = np.arange(5, 100, 5)
        assert len(make_chunks(self.frames, self.counts, jumps=at)) - 1 == 20

    def test_a_jump_in_a_gap_is_at_the_next_frame(self) -> None:
        frames = np.array([0, 1, 2, 10, 11])
        made = make_chunks(frames, np.ones(5, int), frames_per_chunk=100, jumps=np.array([5]))
        assert made.tolist() == [0, 10, 12]
