"""`rcc` as a whole, where the contract of all methods does not look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.methods.image_series.window_shifts import WindowShifts
from smlm_accessor.methods.rcc import method
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.timeline import Windows
from tests import scenes


@pytest.mark.parametrize("n_chunks", [5, 20, 33])
def test_chunks_that_are_given_are_refused_as_chunks(
    n_chunks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search may end with windows of its own; where they show nothing, no chunk is valid."""
    real = method.search_windows

    def nothing(aligner: Aligner, search: Any) -> tuple[Windows, WindowShifts]:
        _, found = real(aligner, search)
        k, d = 8, found.drift.shape[1]
        windows = aligner.all.timeline.evenly(k)
        nowhere = found._replace(drift=np.zeros((k, d)), valid=np.zeros(k, dtype=bool))
        return windows, nowhere

    monkeypatch.setattr(method, "search_windows", nothing)
    found = method.rcc(scenes.background(n=3000, n_frames=2000).chunked(n_chunks))
    assert found.offset.shape == (n_chunks, 2)
    assert np.isnan(found.offset).all()
    assert not found.valid.any()
