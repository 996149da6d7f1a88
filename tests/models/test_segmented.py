"""One model for each segment."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.models import ComponentFit, Constant, Linear, Polynomial, Spline, Uncorrected
from smlm_accessor.models.chunk_series import ChunkSeries
from smlm_accessor.models.least_squares import fit_least_squares
from smlm_accessor.models.segmented import SegmentedFit, fit_in_segments

FRAMES = np.arange(5.0, 100.0, 10.0)


def series(jumps: list[int], frames: np.ndarray = FRAMES) -> ChunkSeries:
    """A line of slope 0.1 that jumps by 10 where each segment begins."""
    return ChunkSeries("offset x", frames, 0.1 * frames + 10 * np.searchsorted(jumps, frames), None)


def fitted(spec: object, jumps: list[int], frames: np.ndarray = FRAMES) -> ComponentFit:
    return fit_in_segments(fit_least_squares, spec, series(jumps, frames), np.array(jumps))


def test_each_segment_has_its_own_line_and_none_is_bridged() -> None:
    fit = fitted(Linear(), [30, 70])
    assert isinstance(fit, SegmentedFit)
    at = np.array([29.0, 30.0, 69.0, 70.0, 0.0, 99.0])
    np.testing.assert_allclose(fit.eval(at), [2.9, 13, 16.9, 27, 0, 29.9], atol=1e-9)
    assert fit.name == "offset x"
    assert fit.figures()["slope"].count("|") == 2
    assert len(fit.result) == 3


@pytest.mark.parametrize(
    ("frames", "at", "expected"),
    [
        (FRAMES[:7], 80.0, 18.0),  # the last has none: the line of the one before goes on
        (FRAMES[3:], 10.0, 11.0),  # the first has none: that of the next
        (np.delete(FRAMES, slice(3, 7)), 50.0, 5.0),  # and one in the middle
    ],
)
def test_a_segment_without_chunks_takes_the_fit_of_its_neighbour(
    frames: np.ndarray, at: float, expected: float
) -> None:
    fit = fitted(Linear(), [30, 70], frames)
    np.testing.assert_allclose(fit.eval(np.array([at])), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("n", "spec", "kind"),
    [
        (1, Linear(), "constant"),
        (2, Polynomial(3), "linear"),
        (3, Polynomial(3), "Polynomial(degree=2)"),
        (4, Polynomial(3), "polynomial"),
    ],
)
def test_few_chunks_get_a_model_that_they_can_tell(n: int, spec: object, kind: str) -> None:
    fit = fitted(spec, [10 * n])
    assert isinstance(fit, SegmentedFit)
    assert fit.parts[0].kind == kind


@pytest.mark.parametrize("spec", [Uncorrected(), Constant(2.0)])
def test_what_is_fixed_is_the_same_in_all_segments(spec: object) -> None:
    seen: list[ChunkSeries] = []

    def fit(_: object, one: ChunkSeries) -> ComponentFit:
        seen.append(one)
        return fit_least_squares(Constant(), one)

    fit_in_segments(fit, spec, series([30]), np.array([30]))
    assert len(seen) == 1
    fit_in_segments(fit, Spline(), series([30]), np.array([30]))
    assert [len(one.frames) for one in seen[1:]] == [3, 7]
