"""Which model for which component: names, small objects, or lmfit models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from smlm_accessor.errors import OptionError

MAX_DEGREE = 7  # of lmfit's polynomials


@dataclass(frozen=True)
class Uncorrected:
    """Leave the component as it is: ``"none"``.

    Examples
    --------
    >>> Uncorrected() == as_spec("none", "offset")
    True
    """


@dataclass(frozen=True)
class Constant:
    """The same value at all frames: ``"constant"``, or ``"zero"`` and ``"one"`` if it is fixed.

    Parameters
    ----------
    value : float, optional
        Fix it, in the length unit of the table; fitted if not given.

    Examples
    --------
    >>> as_spec("zero", "offset")
    Constant(value=0.0)
    """

    value: float | None = None

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise OptionError(f"Constant(value={self.value!r}) must be finite")


@dataclass(frozen=True)
class Linear:
    """A straight line: ``"linear"``.

    Examples
    --------
    >>> Linear() == as_spec("linear", "offset")
    True
    """


@dataclass(frozen=True)
class Polynomial:
    """A polynomial of the frame: ``"polynomial"``.

    Parameters
    ----------
    degree : int, default 3
        At most 7.

    Examples
    --------
    >>> as_spec("polynomial", "offset")
    Polynomial(degree=3)
    """

    degree: int = 3

    def __post_init__(self) -> None:
        if self.degree not in range(MAX_DEGREE + 1):
            raise OptionError(
                f"Polynomial(degree={self.degree!r}) must be a whole number from 0 to "
                f"{MAX_DEGREE}; a spline follows more"
            )


@dataclass(frozen=True)
class Spline:
    """A cubic smoothing spline: ``"spline"``; see `smlm_accessor.kernels.splines.smoothing_spline`.

    Parameters
    ----------
    s : float, optional
        The sum of squared residuals, times the squared weights, is at most this; 0 goes through
        all chunks. If not given, the smoothing is chosen from the data by restricted maximum
        likelihood.

    Examples
    --------
    >>> as_spec("spline", "offset")
    Spline(s=None)
    """

    s: float | None = None

    def __post_init__(self) -> None:
        if self.s is not None and not self.s >= 0:
            raise OptionError(
                f"Spline(s={self.s!r}) must be at least 0; leave it out to have it chosen"
            )


Builtin: TypeAlias = Uncorrected | Constant | Linear | Polynomial | Spline
# One of the above, or an lmfit.Model, which has no types.
Spec: TypeAlias = Any

NAMES: dict[str, Builtin] = {
    "none": Uncorrected(),
    "zero": Constant(0.0),
    "one": Constant(1.0),
    "constant": Constant(),
    "linear": Linear(),
    "polynomial": Polynomial(),
    "spline": Spline(),
}


def as_spec(value: Any, argument: str) -> Spec:
    """Return the model that a name or an object stands for."""
    if value is None:
        return NAMES["none"]
    if isinstance(value, str):
        if value in NAMES:
            return NAMES[value]
    elif isinstance(value, Builtin):
        return value
    elif not isinstance(value, int | float):
        from lmfit import Model

        if isinstance(value, Model):
            return value
        if isinstance(value, type) and issubclass(value, Model | Builtin):
            raise OptionError(f"{argument}={value.__name__} is a class; give {value.__name__}()")
    names = ", ".join(map(repr, NAMES))
    raise OptionError(
        f"{argument}={value!r} is not a model; use one of {names}, an object like "
        "Spline(s=100) or Polynomial(degree=3), or an lmfit.Model"
    )


def label(spec: Spec) -> str:
    """Return a short name of the model."""
    for name, builtin in NAMES.items():
        if spec == builtin:
            return name
    return repr(spec) if isinstance(spec, Builtin) else str(spec.name)


def one_each(
    value: Any, keys: Sequence[Any], argument: str = "offset", *, rest: str | None = None
) -> tuple[Spec, ...]:
    """Return one model for each key: components, axes, or entries of the matrix as pairs.

    The value is one model for all, one for each in order, or by key; ``rest`` is the model of what
    a mapping leaves out, if it may.
    """
    names = ", ".join(map(str, keys))
    if isinstance(value, Mapping):
        wrong = [f"no model for {key!r}" for key in keys if key not in value and rest is None]
        wrong += [f"there is no {key!r}" for key in value if key not in keys]
        if wrong:
            raise OptionError(
                f"{argument}={dict(value)!r}: {', '.join(wrong)}; give one model for each of "
                f"{names} ('none' leaves it as it is)"
            )
        value = [value.get(key, rest) for key in keys]
    if not isinstance(value, list | tuple):
        value = [value] * len(keys)
    if len(value) != len(keys):
        raise OptionError(
            f"{argument}={value!r} has {len(value)} models for the {len(keys)} of {names}; give "
            "one for each, or a single one for all, or a mapping"
        )
    return tuple(as_spec(v, argument) for v in value)
