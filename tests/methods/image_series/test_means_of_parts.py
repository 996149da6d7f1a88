"""What parts say of chunks, beside what is known of them."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray
from smlm_accessor.kernels.correlation.peak_precision import PeakMatch
from smlm_accessor.methods.image_series.means_of_parts import Means
from smlm_accessor.methods.image_series.parts_of_chunks import Part

NO_JUMP = np.zeros(10, dtype=np.int64)


def parts(shifts: list[float], chunks: list[int], std: float = 1.0) -> list[Part]:
    """Return parts of 100 rows, along x, each seen by four field blocks."""
    rng = np.random.default_rng(1)
    return [
        Part(
            *(chunk, 100 * i, 100 * i + 100),
            PeakMatch(
                np.array([shift, 0.0]),
                np.full(2, std**2),
                np.full(2, np.nan),
                10.0,
                std / 10 * rng.normal(size=(40, 2)),
            ),
        )
        for i, (shift, chunk) in enumerate(zip(shifts, chunks, strict=True))
    ]


def test_what_is_not_seen_within_parts_is_what_a_jump_may_change() -> None:
    """The jump of 80 is in the second part or the third, of four of a chunk."""
    means = Means.over(parts([0, 0, 80, 80, 80, 80, 80, 80], [2] * 4 + [5] * 4), NO_JUMP)
    assert means.of.tolist() == [2, 5]
    np.testing.assert_allclose(means.shift[:, 0], [40, 80])
    np.testing.assert_allclose(means.variance, 0.25, rtol=0.3)
    unseen = np.sqrt(means.unseen[:, 0] * 12) / 0.25
    np.testing.assert_allclose(unseen, [0, 40, 40, 0, 0, 0, 0, 0])
    assert not means.unseen[:, 1].any()
    np.testing.assert_allclose(means.spread, [[40**2, 0], [0, 0]], atol=50)
    every: BoolArray = np.ones(8, dtype=np.bool_)
    (worst,) = means.worst(every)
    assert worst in {1, 2}
    every[1:3] = False
    assert means.worst(every) == []


def test_noise_of_parts_is_no_motion() -> None:
    rng = np.random.default_rng(2)
    means = Means.over(
        parts(rng.normal(size=80).tolist(), np.repeat(np.arange(10), 8).tolist()), NO_JUMP
    )
    assert not means.unseen.any()
    assert not means.spread.any()
    assert means.worst(np.ones(80, dtype=np.bool_)) == []


def test_a_jump_that_is_known_is_not_looked_for_within_parts() -> None:
    shifts, chunks = [0.0] * 4 + [80.0] * 4, [0] * 4 + [1] * 4
    assert Means.over(parts(shifts, chunks), NO_JUMP).unseen[3:5, 0].all()
    assert not Means.over(parts(shifts, chunks), np.arange(10)).unseen.any()
