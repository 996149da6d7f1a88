from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from smlm_accessor.errors import DriftError
from smlm_accessor.plot import plot_field_map
from smlm_accessor.report.field_chart import field_chart

plt = pytest.importorskip("matplotlib.pyplot")


def made() -> xr.Dataset:
    """Return a map of which the upper row moves to the right, and one block is not known."""
    change = np.zeros((3, 3, 2))
    change[2, :, 0] = 6.0
    change[0, 0] = np.nan
    p_value = np.ones((3, 3))
    p_value[2] = 1e-6
    return xr.Dataset(
        {
            "change": (("y", "x", "component"), change, {"units": "nm"}),
            "change_std": (("y", "x", "component"), np.where(np.isnan(change), np.nan, 1.0)),
            "p_value": (("y", "x"), p_value),
        },
        {"x": [0.0, 100.0, 200.0], "y": [0.0, 100.0, 200.0], "component": ["x", "y"]},
        {"p_value": 1e-9},
    )


def test_arrows_on_axes() -> None:
    ax = plot_field_map(made())
    (arrows,) = (c for c in ax.collections if hasattr(c, "U"))
    assert len(arrows.U) == 8
    assert arrows.U.max() == pytest.approx(100.0, rel=0.02)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (nm)", "y (nm)")
    assert plot_field_map(made(), ax=ax) is ax
    plt.close("all")
    with pytest.raises(DriftError, match="field_map"):
        plot_field_map(xr.Dataset())


def test_arrows_on_the_page() -> None:
    drawn = field_chart(made())
    assert drawn.count("<line") == 9  # and the scale bar
    assert drawn.count('stroke="currentColor" stroke-width="1.5"') == 3
    assert "5 nm" in drawn
