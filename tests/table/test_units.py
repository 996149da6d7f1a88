"""One spelling of each length unit, and the factors between them."""

from __future__ import annotations

import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.table.units import normal_unit, unit_factor


@pytest.mark.parametrize(
    ("spelled", "normal"),
    [
        ("nm", "nm"),
        (" NM ", "nm"),
        ("px", "pixel"),
        ("Pixels", "pixel"),
        ("\u00b5m", "um"),  # micro sign, as Windows programs write it
        ("\u03bcm", "um"),  # Greek mu
        ("um", "um"),
        ("micron", "um"),
        ("\u00c5", "angstrom"),
        ("\u212b", "angstrom"),
        ("A", "angstrom"),
        ("m", "m"),
    ],
)
def test_spellings(spelled: str, normal: str) -> None:
    assert normal_unit(spelled) == normal


@pytest.mark.parametrize("unit", ["photon", "s", "", "nm^2"])
def test_what_is_not_a_length_is_an_error_that_lists_lengths(unit: str) -> None:
    with pytest.raises(OptionError, match="nm") as error:
        normal_unit(unit)
    assert repr(unit) in str(error.value)


@pytest.mark.parametrize(
    ("unit", "to", "factor"),
    [
        ("um", "nm", 1e3),
        ("nm", "um", 1e-3),
        ("angstrom", "nm", 0.1),
        ("mm", "um", 1e3),
        ("m", "pm", 1e12),
        ("nm", "nm", 1.0),
        ("pixel", "pixel", 1.0),
        (None, None, 1.0),
    ],
)
def test_factor(unit: str | None, to: str | None, factor: float) -> None:
    assert unit_factor(unit, to) == pytest.approx(factor, rel=1e-15)


def test_pixels_need_a_size() -> None:
    assert unit_factor("pixel", "nm") is None
    assert unit_factor("pixel", "nm", 130.0) == 130.0
    assert unit_factor("um", "pixel", 100.0) == 10.0


@pytest.mark.parametrize(("unit", "to"), [(None, "nm"), ("nm", None), (None, "pixel")])
def test_an_unknown_unit_has_no_factor(unit: str | None, to: str | None) -> None:
    assert unit_factor(unit, to, 130.0) is None
