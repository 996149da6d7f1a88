"""Frame numbers that begin again."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.kernels.frames.runs import Runs, begins_again

rng = np.random.default_rng(0)


def movie(n_frames: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    frames = np.repeat(np.arange(n_frames), 3)
    return frames, generator.uniform(0, 1000, (len(frames), 2))


def together(*parts: tuple[np.ndarray, np.ndarray]) -> Runs:
    return Runs.of(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))


def test_two_files_are_seen() -> None:
    again = begins_again(together(movie(1000), movie(600, 2)))
    assert again is not None
    assert (again.first, again.last, again.n) == (0, 599, 1800)


def test_one_movie_is_none() -> None:
    assert begins_again(together(movie(1000))) is None


def test_rows_in_no_order_are_none() -> None:
    frames, positions = movie(1000)
    order = rng.permutation(len(frames))
    assert begins_again(Runs.of(frames[order], positions[order])) is None


def test_rows_sorted_by_structure_are_none() -> None:
    frames, positions = movie(1000)
    left = positions[:, 0] < 400
    assert (
        begins_again(together((frames[left], positions[left]), (frames[~left], positions[~left])))
        is None
    )


@given(st.integers(0, 2999), st.integers(0, 2999))
def test_two_rows_out_of_order_are_none(i: int, j: int) -> None:
    frames, positions = movie(1000)
    frames = frames.copy()
    frames[[i, j]] = frames[[j, i]]
    assert begins_again(Runs.of(frames, positions)) is None


@given(cuts=st.lists(st.integers(0, 4799), max_size=6))
def test_parts_tell_the_same_as_the_whole(cuts: list[int]) -> None:
    (a, xa), (b, xb) = movie(1000), movie(600, 2)
    frames, positions = np.concatenate([a, b]), np.concatenate([xa, xb])
    edges = np.unique([0, *cuts, len(frames)])
    parts = [Runs.of(frames[i:j], positions[i:j]) for i, j in itertools.pairwise(edges)]
    joined = Runs.joined(parts)
    whole = Runs.of(frames, positions)
    assert [r[:4] for r in joined.found] == [r[:4] for r in whole.found]
    for one, other in zip(joined.found, whole.found, strict=True):
        np.testing.assert_array_equal(one.bins, other.bins)
        np.testing.assert_array_equal(one.low, other.low)
        np.testing.assert_array_equal(one.high, other.high)


def test_no_rows() -> None:
    assert begins_again(Runs.of(np.zeros(0, int), np.zeros((0, 2)))) is None
