from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.images.render import render
from smlm_accessor.plot import plot_localizations
from smlm_accessor.table.columns import set_columns


@pytest.fixture
def locs() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    x, y = rng.uniform(0, 100, (2, 3000))
    table = pd.DataFrame({"x": x, "y": y / 2, "frame": np.arange(3000)})
    return set_columns(table, unit="um")


def test_the_image_drawn_is_the_image_rendered(locs: pd.DataFrame) -> None:
    ax = plot_localizations(locs, bin_size=5, bin_range=((10, 90), (0, 40)))
    expected = render(locs, bin_size=5, bin_range=((10, 90), (0, 40)), rescale="equal")
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), expected.values)
    assert image.get_extent() == [10, 90, 0, 40]
    assert image.origin == "lower"
    assert ax.get_aspect() == 1.0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (µm)", "y (µm)")
    assert not ax.child_axes


def test_y_points_up(locs: pd.DataFrame) -> None:
    bottom, top = plot_localizations(locs, bin_size=5).get_ylim()
    assert bottom < top


def test_colour_by_frame_has_a_labelled_colorbar(locs: pd.DataFrame) -> None:
    ax = plot_localizations(locs, bin_size=2, other_property="frame", cmap="plasma")
    expected = render(locs, bin_size=2, other_property="frame").values
    (image,) = ax.images
    np.testing.assert_array_equal(np.ma.getmaskarray(image.get_array()), np.isnan(expected))
    np.testing.assert_array_equal(image.get_array().filled(np.nan), expected)
    assert image.cmap.name == "plasma"
    (colorbar,) = ax.child_axes
    assert colorbar.get_ylabel() == "mean frame"
    np.testing.assert_allclose(colorbar.get_ylim(), [np.nanmin(expected), np.nanmax(expected)])


@pytest.mark.parametrize(
    ("options", "drawn"),
    [
        ({}, False),
        ({"rescale": None}, True),
        ({"rescale": "log"}, False),
        ({"rescale": "log", "colorbar": True}, True),
        ({"other_property": "frame"}, True),
        ({"other_property": "frame", "colorbar": False}, False),
        ({"other_property": "frame", "rescale": "equal"}, False),
    ],
)
def test_a_colorbar_where_its_numbers_mean_something(
    options: dict[str, object], drawn: bool, locs: pd.DataFrame
) -> None:
    ax = plot_localizations(locs, bin_size=5, **options)
    assert bool(ax.child_axes) is drawn


@pytest.mark.parametrize(("scale_bar", "label"), [(True, "20 µm"), (25, "25 µm")])
def test_a_scale_bar_takes_the_place_of_numbers(
    scale_bar: bool | float, label: str, locs: pd.DataFrame
) -> None:
    ax = plot_localizations(locs, bin_size=5, scale_bar=scale_bar)
    (bar,) = ax.artists
    assert bar.txt_label.get_text() == label
    rectangle = bar.size_bar.get_children()[0]
    assert rectangle.get_width() == float(label.split()[0])
    assert rectangle.get_edgecolor() == (1, 1, 1, 1)  # white on black
    assert not len(ax.get_xticks())
    ax.figure.canvas.draw()


@pytest.mark.parametrize("scale_bar", [-1.0, 0.0, 101.0])
def test_a_scale_bar_longer_than_the_image(scale_bar: float, locs: pd.DataFrame) -> None:
    with pytest.raises(OptionError, match=r"scale_bar=.*up to the width of the image, 100"):
        plot_localizations(locs, bin_size=5, bin_range=((0, 100), (0, 50)), scale_bar=scale_bar)


def test_given_axes_are_used_and_nothing_is_shown(
    locs: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("plt.show was called"))
    figure, (left, right) = plt.subplots(1, 2)
    assert plot_localizations(locs, ax=left, bin_size=5) is left
    assert not right.images
    assert plt.get_fignums() == [figure.number]


def test_errors_open_no_figure(locs: pd.DataFrame) -> None:
    with pytest.raises(OptionError, match="rescale"):
        plot_localizations(locs, rescale="bright")
    assert plt.get_fignums() == []
