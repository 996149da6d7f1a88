"""Checks of what the user asks for; each names the option and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Real
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import OptionError, listing

Seed = int | np.random.Generator | None
PerComponent = float | Sequence[float] | npt.NDArray[Any]

MOST_ROWS = 1_000_000_000
_ITEM = "\n- "  # of a listing of problems


class Bounds(TypedDict, total=False):
    """What a number is not to be beyond."""

    least: float
    most: float
    above: float
    below: float


# When a number is wrong, and what it must be.
_BOUNDS: dict[str, tuple[np.ufunc, str]] = {
    "least": (np.less, "at least"),
    "most": (np.greater, "at most"),
    "above": (np.less_equal, "more than"),
    "below": (np.greater_equal, "less than"),
}


def number(name: str, value: Any, *, remedy: str = "", **bounds: Unpack[Bounds]) -> float:
    """Return a finite number within bounds; the remedy ends the message."""
    result = _finite(name, value)
    if result.ndim or isinstance(value, bool | np.bool_ | str):
        raise OptionError(f"{name}={value!r} must be one number")
    _require_bounds(name, value, result, bounds, remedy)
    return float(result)


def count(name: str, value: Any, *, least: int = 0, remedy: str = "") -> int:
    """Return a whole number that is not too small; the remedy ends the message."""
    result = number(name, value, least=least, remedy=remedy)
    if result != int(result):
        raise OptionError(_message(name, value, "a whole number", remedy))
    return int(result)


def per_component(
    name: str,
    value: Any,
    components: Sequence[str],
    **bounds: Unpack[Bounds],
) -> FloatArray:
    """Return one number per component, shape (d,); a single one counts for all of them."""
    result = _finite(name, value)
    d = len(components)
    if result.ndim > 0 and result.shape != (d,):
        raise OptionError(
            f"{name}={value!r} must be one number, or {d} of them: one for each of "
            f"{', '.join(components)}"
        )
    _require_bounds(name, value, result, bounds)
    return np.array(np.broadcast_to(result, (d,)))


def fields(
    name: str, value: Any, required: Sequence[str], optional: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return a mapping that has what it needs and nothing unknown."""
    known = [*required, *optional]
    if not isinstance(value, Mapping):
        raise OptionError(
            f"{name}={value!r} must be a dict with {', '.join(known)}, or a list of them"
        )
    missing = [key for key in required if key not in value]
    unknown = [key for key in value if key not in known]
    if missing or unknown:
        wrong = [f"lacks {', '.join(missing)}"] if missing else []
        wrong += [f"has unknown {', '.join(map(str, unknown))}"] if unknown else []
        raise OptionError(f"{name}={value!r} {' and '.join(wrong)}; it takes {', '.join(known)}")
    return value


def require_feasible(expected: float, remedy: str) -> None:
    """Raise before memory runs out, not after."""
    if expected > MOST_ROWS:
        raise OptionError(
            f"this would make about {expected:.1e} localizations, over {MOST_ROWS:.0e}: {remedy}"
        )


def length(
    name: str,
    value: Any,
    *,
    zero: bool = False,
    remedy: str = "leave it out to have it chosen",
) -> float | None:
    """Return a positive length, or with ``zero`` 0; None if it is left out."""
    return None if value is None else required_length(name, value, zero=zero, remedy=remedy)


def required_length(name: str, value: Any, *, zero: bool = False, remedy: str = "") -> float:
    """Return a positive length, or with ``zero`` 0."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if is_number and (0 < value < np.inf or (zero and value == 0)):
        return float(value)
    must = "a length, or 0 for none" if zero else "a positive length"
    raise OptionError(_message(name, value, must, remedy))


def require_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise `OptionError` if the value is not one of the choices."""
    if value not in choices:
        raise OptionError(f"{name}={value!r} is not known; use {' or '.join(map(repr, choices))}")


def nearest(unknown: Iterable[str], known: Sequence[str]) -> str:
    """Return a question whether other names were meant, for a message; empty if none is near.

    Examples
    --------
    >>> nearest(["chunksize"], ["precision", "chunk_size"])
    "did you mean 'chunk_size'? "
    """
    found = [one for name in unknown for one in get_close_matches(name, known, n=1)]
    return f"did you mean {' and '.join(map(repr, found))}? " if found else ""


def require_all(checks: Iterable[Callable[[], object]]) -> None:
    """Raise one `OptionError` with all that several checks find wrong."""
    problems = []
    for check in checks:
        try:
            check()
        except OptionError as error:
            problems += str(error).removeprefix(_ITEM).split(_ITEM)
    if problems:
        raise OptionError(listing(problems))


def as_floats(name: str, value: Any) -> FloatArray:
    """Return an array of numbers."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise OptionError(f"{name}={value!r} must be a number, or some of them") from None


def _finite(name: str, value: Any) -> FloatArray:
    result = as_floats(name, value)
    if not np.isfinite(result).all():
        raise OptionError(f"{name}={value!r} must be finite")
    return result


def _require_bounds(
    name: str, value: Any, result: FloatArray, bounds: Bounds, remedy: str = ""
) -> None:
    for kind, (wrong, must) in _BOUNDS.items():
        if kind in bounds and wrong(result, bounds[kind]).any():  # type: ignore[literal-required]
            limit = bounds[kind]  # type: ignore[literal-required]
            raise OptionError(_message(name, value, f"{must} {limit:g}", remedy))


def _message(name: str, value: Any, must: str, remedy: str) -> str:
    return f"{name}={value!r} must be {must}{'; ' if remedy else ''}{remedy}"
