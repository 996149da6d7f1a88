"""What a method takes, what it gives, and which methods there are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.kernels.counted import CountedImages, ImagePlan

# A method's module is imported when the method is first asked for: some of them bring a compiler.
_MODULES: dict[str, str] = {
    "icp": "smlm_accessor.methods.icp",
    "cc": "smlm_accessor.methods.cc",
    "rcc": "smlm_accessor.methods.rcc",
    "aim": "smlm_accessor.methods.aim",
    "overlap": "smlm_accessor.methods.overlap",
    "fiducial": "smlm_accessor.methods.fiducial",
}
_METHODS: dict[str, Entry] = {}
TARGETS = ("first", "previous", "all")


@dataclass(frozen=True)
class ChunkedPoints:
    """Localizations ordered by chunk, their coordinates relative to the centre of the table.

    Parameters
    ----------
    positions : ndarray, shape (n, d), C order
        Finite coordinates.
    frames : ndarray, shape (n,)
        Frame of each localization.
    bounds : ndarray, shape (n_chunks + 1,)
        Chunk ``k`` holds the rows ``bounds[k]:bounds[k + 1]``. A single chunk leaves the choice of
        chunks to a method that can choose them.
    components : tuple of str
        Names of the ``d`` axes.
    uncertainty : ndarray, shape (n, d), optional
        Localization precision.
    edges : ndarray, shape (n_chunks + 1,), optional
        Chunk ``k`` holds the frames ``edges[k] <= frame < edges[k + 1]``.
    center : ndarray, shape (d,), optional
        What was subtracted from the coordinates of the table.
    counted : CountedImages, optional
        Images of more localizations than these.
    jumps : ndarray, optional
        First frame after each known jump of the sample, increasing; edges of chunks are there, too.
    """

    positions: FloatArray
    frames: IntArray
    bounds: IntArray
    components: tuple[str, ...]
    uncertainty: FloatArray | None = None
    edges: IntArray | None = None
    center: FloatArray | None = None
    counted: CountedImages | None = None
    jumps: IntArray | None = None

    @property
    def n_chunks(self) -> int:
        """Number of chunks."""
        return len(self.bounds) - 1

    def rows(self, chunk: int) -> slice:
        """Rows of one chunk."""
        return slice(int(self.bounds[chunk]), int(self.bounds[chunk + 1]))

    def along(self, axes: Sequence[int] | IntArray) -> ChunkedPoints:
        """Return the same localizations with some of their axes."""
        columns = list(axes)
        uncertainty, center = self.uncertainty, self.center
        return replace(
            self,
            positions=np.ascontiguousarray(self.positions[:, columns]),
            components=tuple(self.components[a] for a in columns),
            uncertainty=None if uncertainty is None else uncertainty[:, columns],
            center=None if center is None else center[columns],
        )

    def frame_edges(self) -> IntArray:
        """Return the frame edges of the chunks; as near as can be, if they are not known."""
        if self.edges is not None:
            return self.edges
        starts = self.frames[np.minimum(self.bounds[:-1], len(self.frames) - 1)]
        return np.append(starts, self.frames[-1] + 1)

    def chunk(self, chunk: int) -> FloatArray:
        """Positions of one chunk, shape (m, d)."""
        return self.positions[self.rows(chunk)]


@dataclass(frozen=True)
class Registered:
    """One transformation per chunk: ``corrected = matrix @ position + offset``.

    Parameters
    ----------
    offset : ndarray, shape (n_chunks, d)
        NaN where ``valid`` is False.
    quality : ndarray, shape (n_chunks,)
        Higher is better; each method says what it is.
    valid : ndarray of bool, shape (n_chunks,)
    matrix : ndarray, shape (n_chunks, d, d), optional
        Identity if not given.
    offset_std : ndarray, shape (n_chunks, d), optional
        One standard deviation.
    chosen : dict
        What the method chose from the data, plain JSON values.
    edges : ndarray, shape (n_chunks + 1,), optional
        Frame edges of the chunks, if the method chose them.
    reason : str
        Why chunks are not valid, one sentence, if the method knows.
    jumps : ndarray, optional
        First frame after each jump that the method knows of; chunks begin there.
    """

    offset: FloatArray
    quality: FloatArray
    valid: BoolArray
    matrix: FloatArray | None = None
    offset_std: FloatArray | None = None
    chosen: dict[str, Any] = field(default_factory=dict)
    edges: IntArray | None = None
    reason: str = ""
    jumps: IntArray | None = None


Method = Callable[..., Registered]


@dataclass(frozen=True)
class Entry:
    """A method and what has to be known before it is called.

    Parameters
    ----------
    function : callable
    targets : tuple of str
        What it can register chunks onto; the first is what it does by default.
    chooses_chunks : bool
        Whether it chooses chunks from the data if the user gave no rule.
    samples : {"field", "time", "rows"}
        Of a table too large for it, it gets all that lies in parts of the field, or of the time, or
        rows of every chunk and the images of all rows that `plan_images` asks for.
    plan_images : callable, optional
        Takes a few chunks and the options of the method.
    """

    function: Method
    targets: tuple[str, ...]
    chooses_chunks: bool
    samples: str = "field"
    plan_images: Callable[..., ImagePlan | None] | None = None


def register(
    name: str,
    *,
    targets: tuple[str, ...] = TARGETS,
    chooses_chunks: bool = False,
    samples: str = "field",
    plan_images: Callable[..., ImagePlan | None] | None = None,
) -> Callable[[Method], Method]:
    """Add a method to the registry under ``name``."""

    def add(function: Method) -> Method:
        _METHODS[name] = Entry(function, targets, chooses_chunks, samples, plan_images)
        return function

    return add


def names() -> tuple[str, ...]:
    """Names of all methods."""
    return tuple(_MODULES)


def get(name: str) -> Method:
    """Return the function of the method of that name; raises as `entry` does."""
    return entry(name).function


def entry(name: str) -> Entry:
    """Return the method of that name.

    Raises
    ------
    OptionError
        If there is no such method; the message lists those there are.
    """
    if name not in _MODULES:
        known = ", ".join(repr(n) for n in names())
        raise OptionError(f"method={name!r} is not known; choose one of {known}")
    import_module(_MODULES[name])
    return _METHODS[name]


def check_options(name: str, options: dict[str, Any]) -> None:
    """Raise `OptionError` if the method has no such option; the message lists those it has."""
    parameters = inspect.signature(get(name)).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    unknown = [o for o in options if o not in known]
    if unknown:
        raise OptionError(
            f"method {name!r} has no option {', '.join(map(repr, unknown))}; "
            f"its options are {', '.join(known)}"
        )


def check_target(name: str, target: str) -> None:
    """Raise `OptionError` if the method cannot register onto that target."""
    targets = entry(name).targets
    if target in targets:
        return
    choice = ", ".join(repr(t) for t in targets)
    if target in TARGETS:
        raise OptionError(
            f"method {name!r} compares all with all; target={target!r} has no meaning for it: "
            "leave target out"
        )
    raise OptionError(f"target={target!r} is not known; choose one of {choice}")
