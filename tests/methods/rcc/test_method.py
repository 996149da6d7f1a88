"""`rcc` as a whole, where the contract of all methods does not look."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods.rcc.method import rcc
from tests import scenes


@pytest.mark.parametrize("n_chunks", [5, 20, 33])
def test_chunks_that_are_given_are_refused_as_chunks(n_chunks: int) -> None:
    """The search has windows of its own; where they show nothing, each chunk is not valid."""
    scene = scenes.background(n=3000, n_frames=2000)
    found = rcc(scene.chunked(n_chunks))
    assert found.offset.shape == (n_chunks, 2)
    assert np.isnan(found.offset).all()
    assert not found.valid.any()
