"""What a method takes and gives, and which methods there are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from functools import partial

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import ChunkedLocalizations, Method, Registered
from smlm_accessor.options import count, length

POINTS = ChunkedLocalizations(
    positions=np.arange(10.0).reshape(5, 2),
    frames=np.array([0, 0, 1, 3, 3]),
    bounds=np.array([0, 3, 3, 5]),
    components=("x", "y"),
)


def test_the_methods_there_are() -> None:
    assert {"icp", "cc"} <= set(registry.names())


def test_get_returns_the_method_of_that_name() -> None:
    for name in registry.names():
        assert registry.get(name).name == registry.get(name).function.__name__ == name


@pytest.mark.parametrize("name", ["magic", "ICP", "", None])
def test_an_unknown_method_is_an_error_that_lists_the_known(name: str) -> None:
    with pytest.raises(OptionError, match=f"method={name!r}.*'overlap', 'aim'"):
        registry.get(name)


@pytest.fixture
def methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods that a test registers are gone after it."""
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))


@pytest.mark.usefixtures("methods")
def test_register_adds_a_method() -> None:
    @registry.register("nothing", checks={"strength": partial(count, least=1)})
    def nothing(
        localizations: ChunkedLocalizations, *, target: str = "first", strength: int = 1
    ) -> Registered:
        raise NotImplementedError

    method = registry.get("nothing")
    assert method.function is nothing
    assert "nothing" in registry.names()
    assert method.options == {"strength": 1}
    method.check_options({"strength": 2})
    unknown = r"(?s)'nothing' has no option 'points', 'speed'.*strength=1"
    with pytest.raises(OptionError, match=unknown):
        method.check_options({"points": 1, "strength": 2, "speed": 3})
    with pytest.raises(OptionError) as caught:
        method.check_options({"strength": 0, "speed": 3})
    assert "no option 'speed'" in str(caught.value)
    assert "strength=0 must be at least 1" in str(caught.value)


@pytest.mark.usefixtures("methods")
def test_a_name_that_is_taken_is_an_error_that_says_where() -> None:
    def other(localizations: ChunkedLocalizations) -> Registered:
        raise NotImplementedError

    with pytest.raises(OptionError, match=r"'rcc' already, in smlm_accessor.methods.rcc.method"):
        registry.register("rcc")(other)


# What the runner does for every method.


def shifted(localizations: ChunkedLocalizations, *, by: float = 1.0) -> Registered:
    k, d = localizations.n_chunks, localizations.positions.shape[1]
    ones = np.ones(k)
    return Registered(
        np.full((k, d), by), ones, ones > 0, np.full((k, d, d), by), np.full((k, d), 0.5)
    )


def test_without_localizations_no_chunk_is_registered() -> None:
    none = replace(
        POINTS, positions=np.zeros((0, 2)), frames=np.zeros(0, int), bounds=np.zeros(4, int)
    )
    registered = Method("shifted", shifted).run(none)
    assert registered.offset.shape == (3, 2)
    assert not registered.valid.any()
    assert np.isnan(registered.offset).all()


def test_where_all_lie_on_one_place_nothing_moves() -> None:
    registered = Method("shifted", shifted).run(replace(POINTS, positions=np.ones((5, 2))))
    assert registered.valid.tolist() == [True, False, True]
    np.testing.assert_array_equal(registered.offset, [[0, 0], [np.nan, np.nan], [0, 0]])


def test_an_axis_without_extent_is_left_out_and_nothing_moves_along_it() -> None:
    flat = np.hstack([POINTS.positions, np.full((5, 1), 7.0)])
    points = replace(POINTS, positions=flat, components=("x", "y", "z"))
    registered = Method("shifted", shifted).run(points, by=2.0)
    np.testing.assert_array_equal(registered.offset, [[2, 2, 0]] * 3)
    np.testing.assert_array_equal(registered.offset_std, [[0.5, 0.5, np.nan]] * 3)
    np.testing.assert_array_equal(registered.matrix, [[[2, 2, 0], [2, 2, 0], [0, 0, 1]]] * 3)


def test_targets_and_options_are_checked_before_a_method_runs() -> None:
    method = Method("shifted", shifted, targets=("all",), checks={"by": length})
    with pytest.raises(OptionError, match="by=-1 must be a positive length"):
        method.run(POINTS, by=-1)
    with pytest.raises(OptionError, match="compares all with all; target='first'"):
        method.run(POINTS, target="first")
    with pytest.raises(OptionError, match="target='next' is not known; choose one of 'all'"):
        method.run(POINTS, target="next")


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
        "from smlm_accessor.methods import registry\n"
        "def loaded():\n"
        "    return [m for m in sys.modules if m.startswith('smlm_accessor.methods.')]\n"
        "assert not any(m.endswith('.method') for m in loaded()), loaded()\n"
        "registry.get('icp')\n"
        "assert 'smlm_accessor.methods.icp.method' in loaded(), loaded()\n"
        "assert 'smlm_accessor.methods.cc.method' not in loaded(), loaded()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_points_along_some_axes() -> None:
    x = np.arange(12.0).reshape(4, 3)
    points = ChunkedLocalizations(
        x,
        np.arange(4),
        np.array([0, 4]),
        ("x", "y", "z"),
        uncertainty=10 + x,
        center=np.array([7.0, 8, 9]),
    )
    some = points.along((0, 2))
    assert some.components == ("x", "z")
    assert some.uncertainty is not None
    assert some.center is not None
    np.testing.assert_array_equal(some.positions, x[:, [0, 2]])
    np.testing.assert_array_equal(some.uncertainty, 10 + x[:, [0, 2]])
    np.testing.assert_array_equal(some.center, [7, 9])


def test_frame_edges_of_chunks() -> None:
    points = ChunkedLocalizations(
        np.zeros((4, 2)), np.array([3, 4, 9, 9]), np.array([0, 2, 2, 4]), ("x", "y")
    )
    np.testing.assert_array_equal(points.frame_edges(), [3, 9, 9, 10])
    known = np.array([0, 5, 7, 20])
    np.testing.assert_array_equal(replace(points, edges=known).frame_edges(), known)
