from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr

import smlm_accessor  # noqa: F401 - registers .smlm
from smlm_accessor.display.drift import dataset_html, drift_html, drift_text, is_drift
from smlm_accessor.models import fit

MakeDrift = Callable[..., xr.Dataset]


def test_what_a_microscopist_wants_to_know(make_drift: MakeDrift) -> None:
    assert drift_text(make_drift()).splitlines() == [
        "Drift by overlap: 6 chunks of 10 frames, frames 0 to 59, 6,000 localizations",
        "  drift (nm)  lowest  highest  range  std, median  std, largest",
        "  x                0        5      5          0.2           0.3",
        "  y             -2.5        0    2.5          0.2           0.3",
    ]


def test_three_components(make_drift: MakeDrift) -> None:
    lines = drift_text(make_drift(components="xyz")).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["x", "y", "z"]


def test_chunks_that_are_not_valid_are_named(make_drift: MakeDrift) -> None:
    drift = make_drift(invalid=(1, 2, 5))
    text = drift_text(drift)
    assert "  not registered: 3 of 6 chunks, frames 10 to 29, 50 to 59" in text
    x = next(line for line in text.splitlines() if line.startswith("  x"))
    assert x.split()[1:] == ["0", "4", "4", "0.22", "0.26"]  # of the valid ones only
    assert "not registered: 3 of 6" in drift_html(drift)


def test_many_are_not_all_named(make_drift: MakeDrift) -> None:
    text = drift_text(make_drift(20, invalid=tuple(range(0, 20, 2))))
    assert "10 of 20 chunks, frames 0 to 9, 20 to 29, 40 to 49 and 7 more" in text


def test_jumps_where_segments_are_named(make_drift: MakeDrift) -> None:
    drift = make_drift()
    one = drift.assign_coords(segment=("chunk", [0, 0, 1, 1, 1, 1]))
    two = drift.assign_coords(segment=("chunk", [0, 0, 1, 1, 1, 2]))
    assert "1 jump, at frame 20" in drift_text(one)
    assert "2 jumps, at frame 20, 50" in drift_text(two)
    assert "jump" not in drift_text(drift.assign_coords(segment=("chunk", np.zeros(6, int))))
    assert "<title>jump</title>" in drift_html(one)


def test_a_matrix_is_mentioned(make_drift: MakeDrift) -> None:
    matrix = np.tile(np.eye(2), (6, 1, 1))
    matrix[3, 0, 1] = 1e-3
    assert "differ from the identity by up to 0.001" in drift_text(make_drift(matrix=matrix))


def test_nothing_known(make_drift: MakeDrift) -> None:
    drift = make_drift(3, invalid=(0, 1, 2), offset_std=None, attrs={})
    text = drift_text(drift)
    assert text.startswith("Drift: 3 chunks of 10 frames")
    assert "unknown" in text
    assert "nan" not in text
    assert "nan" not in drift_html(drift)


def test_no_chunks(make_drift: MakeDrift) -> None:
    drift = make_drift(1).isel(chunk=slice(0))
    assert drift_text(drift).startswith("Drift by overlap: 0 chunks")
    assert "<svg" in drift_html(drift)


def test_the_accessor_shows_it(make_drift: MakeDrift) -> None:
    drift = make_drift()
    assert repr(drift.smlm) == drift_text(drift)
    assert drift.smlm._repr_html_() == drift_html(drift)


def test_a_dataset_without_drift_says_so_and_does_not_raise() -> None:
    other = xr.Dataset({"a": ("t", [1, 2])})
    assert repr(other.smlm).startswith("This Dataset does not hold drift")
    assert "does not hold drift" in other.smlm._repr_html_()
    assert not is_drift(other)
    assert "xr-wrap" in dataset_html(other)
    assert "<details>" not in dataset_html(other)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.assign(valid=d["valid"].astype(object)),
        lambda d: d.assign(offset=d["offset"].astype(str)),
        lambda d: d.assign(n_localizations=d["n_localizations"].astype(str)),
        lambda d: d.assign_coords(component=["x", "x"]),
        lambda d: d.assign(offset_std=d["offset_std"] * np.nan),
        lambda d: d.assign_attrs(method="<script>", length_unit=("a", 1)),
        lambda d: d.assign_coords(segment=("chunk", [None] * d.sizes["chunk"])),
        lambda d: d.drop_vars("valid"),
        lambda d: d.isel(component=0),
    ],
)
def test_whatever_it_holds_it_can_be_shown(
    make_drift: MakeDrift, spoil: Callable[[xr.Dataset], xr.Dataset]
) -> None:
    dataset = spoil(make_drift())
    assert drift_text(dataset)
    assert "<script>" not in drift_html(dataset)
    assert dataset._repr_html_()[:20] in dataset_html(dataset)


def test_html_is_well_formed_and_follows_the_theme(make_drift: MakeDrift) -> None:
    html = drift_html(make_drift(invalid=(1,)))
    ElementTree.fromstring(html)
    assert "currentColor" in html
    for fixed in ("white", "black", "#fff", "#000"):
        assert fixed not in html


def test_the_html_of_a_dataset_keeps_that_of_xarray_folded(make_drift: MakeDrift) -> None:
    drift = make_drift()
    html = dataset_html(drift)
    assert html.startswith(drift_html(drift))
    page, _, below = html.partition("<details><summary>xarray.Dataset</summary>")
    assert "<svg" in page
    assert "xr-wrap" in below


def test_a_model_shows_its_curve_with_jumps_and_dots(make_drift: MakeDrift) -> None:
    drift = make_drift(12).assign_coords(segment=("chunk", [0] * 5 + [1] * 7))
    html = fit(drift, offset="linear")._repr_html_()
    assert html.count("<svg") == 1
    assert "<title>jump</title>" in html
    assert html.count('class="dots"') == 2  # chunks, in x and y
