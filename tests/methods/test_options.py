"""Options that make no sense: one error each, that names the option, the value and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import ChunkedLocalizations

LENGTHS = {
    "overlap": ("precision",),
    "aim": ("intersect_distance",),
    "rcc": ("bin_size", "smoothing", "max_shift", "max_residual"),
    "cc": ("bin_size", "max_shift"),
    "icp": ("max_distance",),
    "fiducial": ("radius",),
}
BEADS = np.array([[0.0, 0.0], [50.0, 40.0]])


def run(method: str, **options: Any) -> None:
    frames = np.repeat(np.arange(20), 2)
    localizations = ChunkedLocalizations(
        np.tile(BEADS, (20, 1)), frames, np.array([0, 20, 40]), ("x", "y")
    )
    registry.get(method).run(localizations, **options)


@pytest.mark.parametrize("value", [0, -1.0, np.inf, np.nan, "20", True])
@pytest.mark.parametrize(
    ("method", "name"), [(method, name) for method, all_ in LENGTHS.items() for name in all_]
)
def test_a_length_is_positive(method: str, name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"^{name}={value!r} must be .*; leave it out"):
        run(method, **{name: value})


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("cc", {"smoothing": -1.0}, "smoothing=-1.0 must be a length, or 0 for none; leave it out"),
        ("icp", {"max_iterations": 0}, "max_iterations=0 must be at least 1; 200 is enough"),
        ("icp", {"max_iterations": 2.5}, r"max_iterations=2\.5 must be a whole number; 200"),
        ("icp", {"tolerance": 0.0}, r"tolerance=0\.0 must be more than 0; 1e-6 is usual"),
        ("icp", {"tolerance": 1.0}, r"tolerance=1\.0 must be less than 1; 1e-6 is usual"),
        ("icp", {"threads": 0}, "threads=0 must be"),
        ("icp", {"target": "last"}, "'last'.*'first', 'previous', 'all'"),
        ("fiducial", {"presence": 1.5}, r"presence=1\.5 must be at most 1; it is a part"),
        ("fiducial", {"fiducials": [1.0, 2.0]}, r"fiducials must .*shape \(n, 2\)"),
        ("fiducial", {"fiducials": np.zeros((0, 2))}, "fiducials"),
        ("fiducial", {"fiducials": [[np.nan, 1.0]]}, "fiducials must be finite"),
    ],
)
def test_options_out_of_range(method: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        run(method, **options)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        run("icp", max_distance=-1, max_iterations=0, speed=3)
    assert [part in str(caught.value) for part in ("max_distance", "max_iterations", "speed")] == [
        True
    ] * 3
