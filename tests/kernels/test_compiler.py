"""What is compiled quickly does what numba makes of it, and numba compiles what is not."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from smlm_accessor.kernels import compilation, compiler
from smlm_accessor.kernels.compilation import constant
from smlm_accessor.kernels.compiler import QuickCache, QuickCompiler

OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "pipeline_class": QuickCompiler}
ROWS = np.arange(24.0).reshape(4, 6)
FEW = np.array([3, -1, 0], np.int32)


def elements(a, b, c, few, out):  # type: ignore[no-untyped-def]
    n = np.int64(0)
    for i in few:
        out[i] += a[i, -1] + 2.0 * a[-i, few[0]] + b[1, i, few[1]]
        n += few[-1] + len(out)
        if c[i]:
            out[-2] = i
    row = a[1]
    out[0] -= row[-2]
    c[few[0]] = out[1] > 0
    return n


def arguments(kind: type[np.generic], order: str) -> list[Any]:
    a, b = np.array(ROWS, kind, order=order), (ROWS.reshape(2, 4, 3) * 3).astype(np.float32)
    return [a, b, np.array([True, False, False, True]), FEW, np.zeros(4, kind)]


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.int16, np.uint8])
@pytest.mark.parametrize("order", ["C", "F"])
def test_elements_are_those_of_numpy(kind: type[np.generic], order: str) -> None:
    quick, python = arguments(kind, order), arguments(kind, order)
    with np.errstate(all="ignore"):
        assert numba.njit(**OPTIONS)(elements)(*quick) == elements(*python)  # type: ignore[no-untyped-call]
    for one, other in zip(quick, python, strict=True):
        np.testing.assert_array_equal(one, other)


def arguments_of_all_kinds(pair, number, some, yes, nothing, counts):  # type: ignore[no-untyped-def]
    a, (b, factor) = pair
    if yes and nothing is None:
        a[0] = number * b[1] * factor + some[0]
    return len(counts) * number


def test_arguments_are_of_all_kinds() -> None:
    quick = numba.njit(nogil=True, **OPTIONS)(arguments_of_all_kinds)
    a, b, some = np.zeros(2), np.arange(3, dtype=np.int32), constant(np.array([0.5]))
    for number in (2, np.int64(2)):
        a[:] = 0
        assert quick((a, (b, 1.5)), number, some, True, None, ROWS.T) == 12
        assert a.tolist() == [3.5, 0.0]
    with pytest.raises(TypeError, match="of another type"):
        quick((a, (b, 1.5)), 2**64, some, True, None, ROWS.T)


def test_errors_of_a_loop_are_raised() -> None:
    def loop(number):  # type: ignore[no-untyped-def]
        if number > 1:
            raise ValueError("too many")
        return number

    quick = numba.njit(nogil=True, **OPTIONS)(loop)
    assert quick(1) == 1
    with pytest.raises(ValueError, match="too many"):
        quick(2)


def test_it_is_compiled_quickly(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "smlm_accessor"):
        numba.njit(**OPTIONS)(elements)(*arguments(np.float64, "C"))
    assert not caplog.messages


def test_numba_compiles_what_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(compiler._ElementLower, "_pointer")
    quick, python = arguments(np.float64, "C"), arguments(np.float64, "C")
    with caplog.at_level(logging.DEBUG, "smlm_accessor"):
        assert numba.njit(**OPTIONS)(elements)(*quick) == elements(*python)  # type: ignore[no-untyped-call]
    np.testing.assert_array_equal(quick[-1], python[-1])
    assert len(caplog.messages) == 1
    assert "not compiled quickly" in caplog.messages[0]


def test_what_cannot_be_compiled_is_said_by_numba() -> None:
    with pytest.raises(numba.TypingError, match="no_such_thing"):
        numba.njit(**OPTIONS)(lambda a: a.no_such_thing)(ROWS)


def test_options_are_not_mixed_up() -> None:
    """A minimum that may be taken in any order is not that of a loop with other options."""
    known = compiler._KNOWN
    for fastmath in (False, True):
        numba.njit(fastmath=fastmath, **OPTIONS)(lambda a, b: min(a, b))(1.0, 2.0)
    assert len([options for options in known if "fast" in options]) > 1


def test_what_was_compiled_with_other_options_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    missed = []
    for options in ({}, {}, {"fastmath": {"nsz", "arcp"}}, {"fastmath": {"arcp", "nsz"}}):
        quick = numba.njit(cache=True, **OPTIONS, **options)(elements)
        quick._cache = QuickCache(elements, {**OPTIONS, **options})
        quick(*arguments(np.float64, "C"))
        missed.append(sum(quick.stats.cache_misses.values()))
    assert missed == [1, 0, 1, 0]


def test_other_versions_of_numba_compile_as_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba, "__version__", "0.99.0")
    before = len(compilation.KERNELS)
    plain = compilation.kernel(elements)
    del compilation.KERNELS[before:]
    assert "_nrt" not in plain.targetoptions
    quick, python = arguments(np.float64, "C"), arguments(np.float64, "C")
    assert plain(*quick) == elements(*python)  # type: ignore[no-untyped-call]
    np.testing.assert_array_equal(quick[-1], python[-1])


def test_this_version_of_numba_was_tried() -> None:
    """If not: try it, and say so in `compilation`, or loops take twice as long to compile."""
    assert compilation.is_tried(numba.__version__)
