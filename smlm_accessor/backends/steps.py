"""What the steps over a table give, there already or to be made by dask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class Step(Generic[T]):
    """What a step gives: the value, or of dask the task that makes it; for `Source` to open."""

    def __init__(self, held: object) -> None:
        self.held = held


# A dataclass, for dask to see what is in it.
@dataclass
class HandOver(Generic[T]):
    """Hands a value over, once: who takes it holds it alone, and can give its memory back.

    A caller holds arguments until the function returns, and with them their memory.

    Examples
    --------
    >>> parcel = HandOver([1, 2])
    >>> parcel.take(), parcel.value
    ([1, 2], None)
    """

    value: T | None

    def take(self) -> T:
        """Return the value, and let go of it."""
        value, self.value = self.value, None
        assert value is not None, "taken before"
        return value


def opened(argument: object) -> object:
    """Return what a step holds, also of one that is handed over; anything else as it is."""
    if isinstance(argument, HandOver):
        return HandOver(opened(argument.take()))
    return argument.held if isinstance(argument, Step) else argument
