from __future__ import annotations

from collections.abc import Callable

import lmfit
import numpy as np
import pytest
import xarray as xr

from smlm_accessor.models import fit

MakeDrift = Callable[..., xr.Dataset]


def test_one_line_for_each_component(make_drift: MakeDrift) -> None:
    text = repr(fit(make_drift(d=3), offset=["spline", "linear", "none"], origin="first_frame"))
    heading, x, y, z, *drift = text.splitlines()
    assert heading == (
        "DriftModel of x, y, z [nm]: 10 chunks, frames 0 to 32999, origin first_frame"
    )
    assert x.startswith("  offset x  spline  edf 2, R^2 0.99")
    assert y.startswith("  offset y  linear  slope 0.00")
    assert " +/- " in y
    assert ", chi-square " in x
    assert z == "  offset z  none"
    assert drift[0].split(maxsplit=2)[:2] == ["drift", "(nm)"]
    assert [line.split()[0] for line in drift[1:]] == ["x", "y", "z"]


def test_matrix_entries_follow(make_drift: MakeDrift) -> None:
    lines = repr(fit(make_drift(angle=1e-4), matrix="constant")).splitlines()
    assert [line.split()[:3] for line in lines[3:7]] == [
        ["matrix", f"{row}{column}", "constant"] for row in "xy" for column in "xy"
    ]


def test_no_unit(make_drift: MakeDrift) -> None:
    assert repr(fit(make_drift(attrs={}))).startswith("DriftModel of x, y: 10 chunks")


def test_html_has_a_table_and_the_reports_of_lmfit(make_drift: MakeDrift) -> None:
    html = fit(make_drift(), offset=["spline", "linear"])._repr_html_()
    assert "<th>offset x</th><td>spline</td><td>edf 2" in html
    assert html.count("<svg") == html.count("<details>") == 1
    assert html.index("<svg") < html.index("<th>offset x</th>")
    assert "<summary>offset y</summary>" in html
    assert "Model(linear)" in html.partition("<details>")[2]


def test_html_is_escaped(make_drift: MakeDrift) -> None:
    model = lmfit.Model(lambda t, a=1.0: a + 0 * t, name="<script>")
    html = fit(make_drift(), offset=[model, "none"])._repr_html_()
    assert "<td>Model(&lt;script&gt;)</td>" in html


def test_exact_fits_can_be_reported(make_drift: MakeDrift) -> None:
    model = fit(make_drift(2, offset=[[0, 0], [1, 2]]), offset="linear")
    assert "chi-square 0" in repr(model)
    assert "+/-" not in repr(model)
    assert "slope" in model._repr_html_()


def test_a_curve_that_cannot_be_evaluated_is_left_out(
    make_drift: MakeDrift, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fit(make_drift(), offset=["spline", "linear"])

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(type(model), "eval", fail)
    monkeypatch.setattr(lmfit.model.ModelResult, "_repr_html_", fail)
    assert len(repr(model).splitlines()) == 3
    html = model._repr_html_()
    assert "<th>offset x</th>" in html
    assert "<svg" not in html
    assert "<details>" not in html


def test_chunks_lie_on_a_curve_with_another_zero(make_drift: MakeDrift) -> None:
    model = fit(make_drift(noise=0), offset="linear", origin="mean")
    chunks = model.chunk_curves()
    np.testing.assert_allclose(chunks.values, model.drift(chunks.frames).values, atol=1e-9)
    assert model.curves().values.mean() == pytest.approx(0, abs=0.01)


def test_a_jump_is_as_steep_as_the_model(make_drift: MakeDrift) -> None:
    drift = make_drift().assign_coords(segment=("chunk", [0] * 4 + [1] * 6))
    jump = int(drift["frame_start"][4])
    curves = fit(drift, offset="linear").curves()
    assert curves.jumps.tolist() == [jump]
    assert {jump - 1, jump} <= set(curves.frames.tolist())
