"""Sums over pairs of windows, against plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.coupling_loops import coupling_sums
from smlm_accessor.kernels.density.pair_loops import most_around, space
from tests.kernels.density.test_pair_loops import END, N_FRAMES, pairs, sample, sums_of

K, GROUPS = 8, 5
WINDOW = np.arange(N_FRAMES) * K // N_FRAMES
Sums = tuple[FloatArray, FloatArray, FloatArray]


def couplings_of(data: dict[str, Any], group: FloatArray) -> Sums:
    d, cells = len(data["where"]), data["cells"]
    couplings = np.zeros((d, GROUPS, K, K))
    moments, total = np.zeros((GROUPS, K, K, d), np.float32), np.zeros((2, d))
    most = most_around(cells.first, cells.stop)
    coupling_sums(
        *(cells.cell, cells.first, cells.stop),
        *(data[name] for name in ("where", "variance", "frame", "weight", "left_out")),
        *(data[name] for name in ("where", "variance", "frame", "stands_for")),
        *(
            None if d == 2 else True,
            data["floor"],
            space(most),
            np.empty((6, most), np.float32),
            np.empty(most, np.int64),
            WINDOW,
            group,
        ),
        *(*couplings[:2], couplings[-1], moments, total),
    )
    return couplings, moments, total


def twin(data: dict[str, Any], group: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Couplings and moments by the formula of the docstring, over all pairs."""
    difference, spread, weight = pairs(data)
    u = 1 - (difference**2 / spread).sum(axis=0) / 32
    density = (weight * (u**16 - END**16 - 16 * END**15 * (u - END))).sum(axis=1)
    share = data["weight"][:, None] * weight / (data["floor"] + density)[:, None]
    once, twice = share * (u**15 - END**15), share * u**14 * (15 / 16)
    along = difference / spread
    gradient = (once * along).sum(axis=2) / data["weight"]
    each = once / spread - twice * along**2 + once * along * gradient[:, :, None]
    window = WINDOW[data["frame"]]
    couplings = np.zeros((len(difference), GROUPS, K, K))
    at = group[:, None], window[:, None], window
    np.add.at(couplings[0], at, once / spread[0])
    np.add.at(couplings[1], at, each[:2].mean(axis=0))
    for axial, along_z in zip(couplings[2:], each[2:], strict=True):
        np.add.at(axial, at, along_z)
    moments = np.zeros((GROUPS, K, K, len(difference)))
    np.add.at(moments, at, np.moveaxis(once * along, 0, 2))
    return couplings, moments


@pytest.mark.parametrize("d", [2, 3])
def test_the_loops_agree_with_plain_numpy(d: int) -> None:
    data = sample(d)
    group = np.random.default_rng(1).integers(GROUPS, size=len(data["frame"]))
    couplings, moments, _ = couplings_of(data, group)
    for found, expected in zip((couplings, moments), twin(data, group), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("d", [2, 3])
def test_pairs_add_up_to_the_sums_over_windows(d: int) -> None:
    data = sample(d)
    group = np.zeros(len(data["frame"]), dtype=np.int64)
    couplings, moments, total = couplings_of(data, group)
    sums = sums_of(data).sum(axis=0)
    assert couplings[0].sum() == pytest.approx(sums[0], rel=1e-5)
    assert couplings[1].sum() == pytest.approx(sums[4:6].mean(), rel=1e-5)
    np.testing.assert_allclose(moments.sum(axis=(0, 1, 2)), sums[1 : 1 + d], atol=1e-4 * sums[0])
    np.testing.assert_allclose(total, [sums[4 : 4 + d], sums[7 : 7 + d]], rtol=1e-5)
