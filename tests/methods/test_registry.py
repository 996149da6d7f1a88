"""What a method takes and gives, and which methods there are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.methods import _registry
from smlm_accessor.methods._registry import ChunkedPoints, Registered

POINTS = ChunkedPoints(
    positions=np.arange(10.0).reshape(5, 2),
    frames=np.array([0, 0, 1, 3, 3]),
    bounds=np.array([0, 3, 3, 5]),
    components=("x", "y"),
)


def test_the_methods_there_are() -> None:
    assert {"icp", "cc"} <= set(_registry.names())


def test_get_returns_the_function_of_that_name() -> None:
    for name in _registry.names():
        assert _registry.get(name).__name__ == name


@pytest.mark.parametrize("name", ["magic", "ICP", "", None])
def test_an_unknown_method_is_an_error_that_lists_the_known(name: str) -> None:
    with pytest.raises(OptionError, match=f"method={name!r}.*'icp', 'cc'"):
        _registry.get(name)


def test_register_adds_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_registry, "_METHODS", dict(_registry._METHODS))
    monkeypatch.setitem(_registry._MODULES, "nothing", _registry.__name__)

    @_registry.register("nothing")
    def nothing(points: ChunkedPoints, *, target: str = "first", strength: int = 1) -> Registered:
        raise NotImplementedError

    assert _registry.get("nothing") is nothing
    assert "nothing" in _registry.names()
    _registry.check_options("nothing", {"strength": 2})
    with pytest.raises(OptionError, match=r"'nothing' has no option 'points', 'speed'.*strength"):
        _registry.check_options("nothing", {"points": 1, "strength": 2, "speed": 3})


def test_chunks_of_points() -> None:
    assert POINTS.n_chunks == 3
    assert [POINTS.rows(k) for k in range(3)] == [slice(0, 3), slice(3, 3), slice(3, 5)]
    assert POINTS.chunk(1).shape == (0, 2)
    assert POINTS.chunk(2).tolist() == [[6, 7], [8, 9]]
    assert np.shares_memory(POINTS.chunk(0), POINTS.positions)


def test_points_and_results_are_frozen() -> None:
    registered = Registered(np.zeros((1, 2)), np.ones(1), np.ones(1, bool))
    with pytest.raises(FrozenInstanceError):
        POINTS.bounds = np.zeros(1)  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        registered.valid = np.zeros(1, bool)  # type: ignore[misc]
    assert registered.chosen == {}
    assert registered.matrix is None


def test_a_method_is_imported_when_it_is_first_asked_for() -> None:
    code = (
        "import sys\n"
        "from smlm_accessor.methods import _registry\n"
        "def loaded():\n"
        "    return [m for m in sys.modules if m.startswith('smlm_accessor.methods.')]\n"
        "assert loaded() == ['smlm_accessor.methods._registry'], loaded()\n"
        "_registry.get('icp')\n"
        "assert 'smlm_accessor.methods.icp' in loaded(), loaded()\n"
        "assert 'smlm_accessor.methods.cc' not in loaded(), loaded()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_points_along_some_axes() -> None:
    x = np.arange(12.0).reshape(4, 3)
    points = _registry.ChunkedPoints(
        x, np.arange(4), np.array([0, 4]), ("x", "y", "z"), 10 + x, center=np.array([7.0, 8, 9])
    )
    some = points.along((0, 2))
    assert some.components == ("x", "z")
    assert some.uncertainty is not None
    assert some.center is not None
    np.testing.assert_array_equal(some.positions, x[:, [0, 2]])
    np.testing.assert_array_equal(some.uncertainty, 10 + x[:, [0, 2]])
    np.testing.assert_array_equal(some.center, [7, 9])


def test_frame_edges_of_chunks() -> None:
    points = _registry.ChunkedPoints(
        np.zeros((4, 2)), np.array([3, 4, 9, 9]), np.array([0, 2, 2, 4]), ("x", "y")
    )
    np.testing.assert_array_equal(points.frame_edges(), [3, 9, 9, 10])
    known = np.array([0, 5, 7, 20])
    np.testing.assert_array_equal(replace(points, edges=known).frame_edges(), known)
