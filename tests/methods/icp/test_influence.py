"""Standard errors of icp, from the influence of field blocks."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.icp.method import icp


def scene(seed: int, n_chunks: int = 6, n: int = 1500) -> tuple[ChunkedLocalizations, FloatArray]:
    """Chunks of the same clusters, each moved by 5, -3 more."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, 3000, (150, 2))
    offset = -np.outer(np.arange(n_chunks), [5.0, -3.0])
    positions = np.concatenate(
        [centers[rng.integers(150, size=n)] + rng.normal(0, 8, (n, 2)) - o for o in offset]
    )
    frames, bounds = np.arange(n * n_chunks) // 10, np.arange(n_chunks + 1) * n
    return ChunkedLocalizations(positions, frames, bounds, ("x", "y")), offset


@pytest.mark.parametrize("options", [{}, {"with_rotation": True}, {"target": "all"}])
def test_errors_are_as_large_as_they_should_be(options: dict[str, object]) -> None:
    z = []
    for seed in range(8):
        localizations, truth = scene(seed)
        found = icp(localizations, **options)  # type: ignore[arg-type]
        assert found.offset_std is not None
        error = found.offset - truth
        z.append((error - error.mean(axis=0)) / found.offset_std)
    assert 0.65 < np.sqrt(np.mean(np.square(z))) < 1.35


def test_four_times_the_localizations_halve_it() -> None:
    few, many = (icp(scene(3, n=n)[0]).offset_std for n in (1000, 4000))
    assert few is not None
    assert many is not None
    assert np.mean(many) == pytest.approx(np.mean(few) / 2, rel=0.3)
