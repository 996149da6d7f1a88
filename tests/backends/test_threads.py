"""Work over blocks gives the same on any number of threads."""

from __future__ import annotations

import threading
import time

import numpy as np
import numpy.typing as npt
import pytest

from smlm_accessor.backends import fill_rows, map_threads, track
from smlm_accessor.errors import OptionError


@pytest.mark.parametrize("threads", [None, 1, 2, 7])
@pytest.mark.parametrize("progress", [False, True])
def test_results_are_in_order(threads: int | None, progress: bool) -> None:
    def slow_first(i: int) -> int:
        time.sleep(0.01 if i == 0 else 0)
        return i * i

    results = map_threads(slow_first, range(20), threads=threads, progress=progress)
    assert results == [i * i for i in range(20)]


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_nothing_to_do(threads: int | None) -> None:
    assert map_threads(abs, [], threads=threads) == []


def test_work_is_done_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)
    assert len(map_threads(lambda _: both.wait(), [0, 1], threads=2)) == 2


def test_one_thread_is_the_caller() -> None:
    names = map_threads(lambda _: threading.current_thread(), [0, 1], threads=1)
    assert names == [threading.current_thread()] * 2


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_reaches_the_caller(threads: int) -> None:
    with pytest.raises(ZeroDivisionError):
        map_threads(lambda i: 1 // i, [1, 0, 1], threads=threads)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two"])
def test_a_bad_number_of_threads(threads: object) -> None:
    with pytest.raises(OptionError, match=r"threads=.*leave it out to use all cores"):
        map_threads(abs, [1, 2], threads=threads)  # type: ignore[arg-type]


def test_progress_is_shown_only_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track([1, 2], total=2, progress=False, description="chunks")) == [1, 2]
    assert capsys.readouterr() == ("", "")
    assert list(track([1, 2], total=2, progress=True, description="chunks")) == [1, 2]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "chunks" in shown.err
    assert "2/2" in shown.err


@pytest.mark.parametrize("n", [0, 1, 100_000])
@pytest.mark.parametrize("threads", [1, 3])
def test_each_row_is_filled_once(n: int, threads: int) -> None:
    out, seen = np.zeros((n, 2)), np.zeros(n, int)

    def twice(rows: slice) -> npt.NDArray[np.float64]:
        seen[rows] += 1
        return np.stack([np.arange(n)[rows], 2.0 * np.arange(n)[rows]], axis=1)

    fill_rows(twice, out, threads=threads)
    assert (seen == 1).all()
    np.testing.assert_array_equal(out, np.outer(np.arange(n), [1.0, 2.0]))
