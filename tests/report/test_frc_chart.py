from __future__ import annotations

import numpy as np

from smlm_accessor.assess import Assessment
from smlm_accessor.assess.sharpness import RingCorrelation
from smlm_accessor.report.frc_chart import frc_chart


def rings(values: float) -> RingCorrelation:
    frequency = np.arange(1, 101) / 1000
    return RingCorrelation(frequency, np.full(100, values), np.linspace(1, 0, 100))


def test_ring_correlation_without_a_resolution() -> None:
    html = frc_chart(Assessment("no evidence", frc=rings(np.nan), frc_after=20.0))
    assert html is None
    html = frc_chart(Assessment("no evidence", frc=rings(0.0), frc_after=20.0, length_unit="um"))
    assert html is not None
    assert "before: no resolution found" in html
    assert "after: 20 µm" in html
    assert "nan" not in html
    assert frc_chart(Assessment("no evidence")) is None
