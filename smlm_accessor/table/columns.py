"""Which column of a table is what: by the program that wrote it, or as the user says."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor.backends import Selection, example, is_partitioned, with_attrs
from smlm_accessor.errors import OptionError, SmlmWarning, TableError
from smlm_accessor.options import length
from smlm_accessor.table.clock import FRAMES, SECONDS, Clock, seconds_in
from smlm_accessor.table.conventions import CONVENTIONS, REMEDY, listed, match
from smlm_accessor.table.picasso_unit import unit_by_precision
from smlm_accessor.table.units import normal_unit, unit_factor

KEY = "smlm_columns"
# From pandas 3 on, a shallow copy cannot write through to the original.
COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Parameters
    ----------
    x, y, z : label
        Columns of the coordinates; ``z`` only in 3D tables.
    frame : label, optional
        Column, or level of the index, with frame numbers.
    time : label, optional
        Column, or level of the index, with times instead: in seconds, if its name says no other
        unit (``"t [ms]"``).
    uncertainty_x, uncertainty_y, uncertainty_z : label, optional
        Columns of the localization precision, in the unit of their coordinate.
    trace : label, optional
        Column with a number that all localizations of a trace share: one emitter, observed once.
    pixel_x, pixel_y, pixel_z : label, optional
        Columns of the same positions in camera pixels; they move with the coordinates.
    unit : str, optional
        Length unit of ``x`` and ``y``: nm, um, mm, m, angstrom, pm or pixel.
    unit_z : str, optional
        Length unit of ``z``, if it is another one.
    pixel_size : float, optional
        Camera pixel in nm; lengths in pixels then count in nm.
    mean_frames : bool, optional
        Whether frames are means (of molecules, of localizations that were joined); the nearest
        whole frame then counts.
    frame_duration : float, optional
        Seconds from one frame to the next: so a drift in seconds corrects a table in frames.
    convention : str
        The program whose names these are.

    Examples
    --------
    >>> Columns(x="X", y="Y", frame="t", unit="um").components
    ('x', 'y')
    """

    x: Hashable
    y: Hashable
    z: Hashable | None = None
    frame: Hashable | None = None
    time: Hashable | None = None
    uncertainty_x: Hashable | None = None
    uncertainty_y: Hashable | None = None
    uncertainty_z: Hashable | None = None
    trace: Hashable | None = None
    pixel_x: Hashable | None = None
    pixel_y: Hashable | None = None
    pixel_z: Hashable | None = None
    unit: str | None = None
    unit_z: str | None = None
    pixel_size: float | None = None
    mean_frames: bool | None = None
    frame_duration: float | None = None
    convention: str = "explicit"

    def __post_init__(self) -> None:
        for name in ("unit", "unit_z"):
            unit = getattr(self, name)
            if unit is not None:
                object.__setattr__(self, name, normal_unit(unit))
        length("pixel_size", self.pixel_size, remedy="give it in nm, or leave it out")
        length("frame_duration", self.frame_duration, remedy="give it in seconds, or leave it out")
        if self.frame is not None and self.time is not None:
            raise OptionError(
                f"frame={self.frame!r} and time={self.time!r} cannot both count time; leave out one"
            )

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the spatial axes."""
        return ("x", "y") if self.z is None else ("x", "y", "z")

    @property
    def positions(self) -> dict[str, Hashable]:
        """Label of the coordinate of each component."""
        return {c: getattr(self, c) for c in self.components}

    @property
    def uncertainties(self) -> dict[str, Hashable | None]:
        """Label of the localization precision of each component."""
        return {c: getattr(self, f"uncertainty_{c}") for c in self.components}

    @property
    def in_pixels(self) -> dict[str, Hashable]:
        """Label of the column that moves with the coordinate of a component, where there is one."""
        labels = {c: getattr(self, f"pixel_{c}") for c in self.components}
        return {c: label for c, label in labels.items() if label is not None}

    @property
    def moving(self) -> tuple[Hashable, ...]:
        """Labels of all columns that change when localizations move."""
        return (*self.positions.values(), *self.in_pixels.values())

    @property
    def when(self) -> Hashable | None:
        """Label of what holds frames or times; None if nothing does."""
        return self.frame if self.time is None else self.time

    @property
    def clock(self) -> Clock:
        """How time is counted."""
        return FRAMES if self.time is None else SECONDS

    @property
    def time_scale(self) -> float:
        """The factor from the column of times to seconds."""
        return 1.0 if self.time is None else seconds_in(self.time)

    def time_range(self, first: int, stop: int) -> tuple[float, float]:
        """Return a range of the column of frames or times that holds all from a count to another.

        Of times a tick more on both sides.
        """
        if self.time is None:
            return first, stop
        ends = self.clock.values(np.array([first - 1, stop + 1])) / self.time_scale
        return float(ends[0]), float(ends[1])

    @property
    def length_unit(self) -> str | None:
        """Unit in which drift of this table is given; None if unknown."""
        return "nm" if self.unit == "pixel" and self.pixel_size else self.unit

    def scale(self, component: str) -> float:
        """Return the factor from the coordinate's column to the length unit, if that is known."""
        unit = self.unit_z or self.unit if component == "z" else self.unit
        factor = unit_factor(unit, self.length_unit, self.pixel_size)
        if factor is None:
            raise TableError(
                f"x and y are in {self.unit} but z is in {unit}. Say how many nm a camera pixel "
                "is: table = smlm_accessor.set_columns(table, pixel_size=130)"
            )
        return factor


def find_columns(table: pd.DataFrame) -> Columns:
    """Find which column is what: what `set_columns` said, else the most specific convention.

    Raises
    ------
    TableError
        If no convention fits, or more than one; the message lists what was found and how to say
        which is meant.

    Examples
    --------
    >>> import pandas as pd
    >>> find_columns(pd.DataFrame({"x [nm]": [1.0], "y [nm]": [2.0], "frame": [0]})).length_unit
    'nm'
    """
    table = example(table)
    said = dict(table.attrs.get(KEY, {}))
    if "x" in said and "y" in said:
        return _require_present(table, _columns(said))
    is_told = said.get("frame") is not None or said.get("time") is not None
    matches = [(c.rank, match(table, c, with_time=not is_told)) for c in CONVENTIONS]
    fits = [(rank, _columns(found)) for rank, found in matches if found]
    highest = max((rank for rank, _ in fits), default=0)
    best = [columns for rank, columns in fits if rank == highest]
    if not best:
        raise TableError(
            "This table has no columns known as x and y positions. Its columns are "
            f"{listed(table.columns)}. {REMEDY}"
        )
    if len({tuple(b.positions.values()) for b in best}) > 1 and highest:
        pairs = "; ".join(f"{b.convention}: {b.x!r}, {b.y!r}" for b in best)
        raise TableError(
            f"More than one pair of columns could be the positions ({pairs}). {REMEDY}"
        )
    columns = _require_present(table, replace(best[0], **said))
    return _with_picasso_unit(table, columns) if _needs_picasso_unit(columns) else columns


def settled(table: pd.DataFrame) -> dict[str, Any]:
    """Return fields for `set_columns` that only the numbers in a table tell, and say so."""
    if "unit" in example(table).attrs.get(KEY, {}):
        return {}
    columns = find_columns(table)
    if columns.convention != "Picasso" or columns.unit is None:
        return {}
    other = "unit='nm'" if columns.unit == "pixel" else "unit='pixel', pixel_size=130"
    warnings.warn(
        f"x and y are taken to be in {columns.unit}, by the size of {columns.uncertainty_x!r}: "
        "Picasso has camera pixels before 1.0 and nm from 1.0 on. If they are not, say so: "
        f"table = smlm_accessor.set_columns(table, {other})",
        SmlmWarning,
        stacklevel=3,
    )
    return {"unit": columns.unit}


def _needs_picasso_unit(columns: Columns) -> bool:
    return columns.convention == "Picasso" and columns.unit is None


def _with_picasso_unit(table: pd.DataFrame, columns: Columns) -> Columns:
    precisions = [columns.uncertainty_x, columns.uncertainty_y]
    unit = unit_by_precision(table, precisions, [columns.x, columns.y])
    if unit is None:
        raise TableError(
            f"{columns.x!r}, {columns.y!r} and {columns.uncertainty_x!r} are Picasso's names, for "
            "camera pixels before 1.0 and for nm from 1.0 on, and their values do not tell which. "
            "Say so: table = smlm_accessor.set_columns(table, unit='nm'); or else unit='pixel' and "
            "pixel_size=130"
        )
    return replace(columns, unit=unit)


def _columns(named: dict[str, Any]) -> Columns:
    try:
        return Columns(**named)
    except OptionError as error:  # a unit nobody knows: not a table this package can read
        raise TableError(f"{error}. {REMEDY}") from None


def set_columns(
    table: pd.DataFrame, columns: Columns | None = None, **fields_of_columns: Any
) -> pd.DataFrame:
    """Say which column is what, or what unit and pixel size a table has.

    Parameters
    ----------
    table : DataFrame
        Of pandas or dask; it is not modified.
    columns : Columns, optional
        The whole mapping.
    **fields_of_columns
        Fields of `Columns` that differ from what is found or given.

    Returns
    -------
    DataFrame
        The same data; its ``attrs`` remember the columns.

    Raises
    ------
    TableError
        If a named column does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"a": [1.0], "b": [2.0], "t": [0]})
    >>> set_columns(table, x="a", y="b", frame="t", unit="um").smlm.columns.x
    'a'
    """
    known = [f.name for f in fields(Columns)]
    unknown = [name for name in fields_of_columns if name not in known]
    if unknown:
        raise OptionError(f"Columns has no field {listed(unknown)}; its fields are {listed(known)}")
    here = example(table)
    said = dict(here.attrs.get(KEY, {}) if columns is None else _given(columns))
    for one, other in (("frame", "time"), ("time", "frame")):
        if fields_of_columns.get(one) is not None:  # instead of what was said before
            said.pop(other, None)
    attrs = {**here.attrs, KEY: {**said, **fields_of_columns}}
    result = here.copy(deep=not COPIES_ON_WRITE and here is table)
    result.attrs = attrs
    find_columns(result)
    return with_attrs(table, attrs) if is_partitioned(table) else result


def factor_between(columns: Columns, to: Columns) -> float:
    """Return the factor from lengths of one table to those of another, if that is known."""
    factor = unit_factor(columns.length_unit, to.length_unit)
    if factor is None:
        units = [unit or "an unknown unit" for unit in (to.length_unit, columns.length_unit)]
        raise TableError(
            f"the tables are in {units[0]} and in {units[1]}, which cannot be compared; say what "
            "is missing: smlm_accessor.set_columns(table, unit='nm'), or pixel_size= (in nm) for a "
            "table in camera pixels"
        )
    return factor


def selection(table: Any, *also: Hashable, columns: Columns | None = None) -> Selection:
    """Return what has to be read of a table to find its columns again, and others.

    What is in the index comes along.
    """
    table = example(table)
    columns = find_columns(table) if columns is None else columns
    named = [*columns.positions.values(), columns.when, *columns.uncertainties.values()]
    named += [columns.trace, *also]
    labels = [label for label in dict.fromkeys(named) if label is not None]
    read = replace(columns, pixel_x=None, pixel_y=None, pixel_z=None)  # those only follow
    return Selection([label for label in labels if label in table.columns], {KEY: _given(read)})


def _given(columns: Columns) -> dict[str, Any]:
    return {f.name: v for f in fields(columns) if (v := getattr(columns, f.name)) is not None}


def _require_present(table: pd.DataFrame, columns: Columns) -> Columns:
    named = {
        columns.clock.name: columns.when,
        "trace": columns.trace,
        **columns.positions,
        **{f"uncertainty_{c}": label for c, label in columns.uncertainties.items()},
        **{f"pixel_{c}": label for c, label in columns.in_pixels.items()},
    }
    problems = []
    for role, label in named.items():
        if label is None or (role in ("frame", "time") and label in table.index.names):
            continue
        count = sum(label == column for column in table.columns)
        if count != 1:
            problems.append(
                f"{role}={label!r} " + ("does not exist" if not count else "exists twice")
            )
    if len(set(columns.positions.values())) < len(columns.positions):
        problems.append("two coordinates are the same column")
    if problems:
        raise TableError(
            f"These columns cannot be used: {'; '.join(problems)}. The table's columns are "
            f"{listed(table.columns)}. Call smlm_accessor.set_columns again with columns it has."
        )
    return columns
