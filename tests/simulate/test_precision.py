from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate import localization_precision


def test_without_background_it_falls_as_the_root_of_the_photons() -> None:
    few, many = localization_precision([100, 10_000], psf_std=120, background_photons=0)
    assert few == pytest.approx(10 * many)
    assert few == pytest.approx(np.sqrt((120**2 + 100**2 / 12) * 16 / 9 / 100))


def test_background_and_a_wide_psf_make_it_worse() -> None:
    assert localization_precision(500, background_photons=50) > localization_precision(500)
    assert localization_precision(500, psf_std=200) > localization_precision(500)


def test_it_scales_with_the_unit_of_length() -> None:
    nm = localization_precision([300, 900], psf_std=130, pixel_size=100)
    um = localization_precision([300, 900], psf_std=0.130, pixel_size=0.100)
    np.testing.assert_allclose(nm, 1000 * um)


def test_it_is_what_a_least_squares_fit_of_a_spot_reaches() -> None:
    """Fit simulated camera frames and compare the scatter with the formula."""
    from scipy.optimize import least_squares
    from scipy.special import ndtr

    std, photons, background, n = 1.3, 800.0, 4.0, 250
    edges = np.arange(12) - 5.5
    rng = np.random.default_rng(1)

    def spot(p: Any) -> Any:
        x, y = (np.diff(ndtr((edges - c) / std)) for c in p[:2])
        return p[2] * np.outer(y, x) + p[3]

    found = []
    for _ in range(n):
        place = rng.uniform(-0.5, 0.5, 2)
        frame = rng.poisson(spot([*place, photons, background]))
        start = [0.0, 0.0, photons, background]
        fit = least_squares(lambda p, frame=frame: (spot(p) - frame).ravel(), start)
        found.append(fit.x[:2] - place)
    promised = localization_precision(
        photons, psf_std=std, pixel_size=1, background_photons=background
    )
    measured = np.sqrt(np.mean(np.square(found)))
    assert measured == pytest.approx(promised, rel=5 / np.sqrt(4 * n))


@pytest.mark.parametrize("option", [{"psf_std": 0}, {"pixel_size": -1}, {"background_photons": -1}])
def test_what_makes_no_sense_is_named(option: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=next(iter(option))):
        localization_precision(100, **option)
