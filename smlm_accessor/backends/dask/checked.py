"""Steps over parts that a check must let pass: the first step that meets one it does not, tells.

A task that raises would be reported by every worker of a cluster as failed; so what is not let pass
goes through the tasks in place of their results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from smlm_accessor.backends.blocks import RowBlocks, Rows
from smlm_accessor.backends.steps import HandOver


class NotPassedError(Exception):
    """A check did not let a part of a table pass."""


@dataclass(frozen=True)
class NotPassed:
    """Stands for the result of a step over parts, one of which was not let pass."""


@dataclass(frozen=True)
class CheckedPart:
    """Applies a function to a part of a table that ``passes`` a check."""

    passes: Callable[[pd.DataFrame], bool]
    func: Callable[..., Any]

    def __call__(self, part: Rows, *others: Any) -> Any:
        """Return what the function makes of the part."""
        if not _known(others):
            return NotPassed()
        if not isinstance(part, RowBlocks):
            return self.func(part, *others) if self.passes(part) else NotPassed()
        try:
            return self.func(replace(part, read=partial(self._checked, part)), *others)
        except NotPassedError:
            return NotPassed()

    def _checked(self, part: RowBlocks) -> Iterator[pd.DataFrame]:
        for block in part:
            with_attrs = block.copy(deep=False)
            with_attrs.attrs = part.example.attrs
            if not self.passes(with_attrs):
                raise NotPassedError
            yield block


@dataclass(frozen=True)
class Checked:
    """Applies a function to results of steps, or to a list of them, if all were let pass."""

    func: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function makes of them."""
        return self.func(*arguments) if _known(arguments) else NotPassed()


def require_passed(value: Any) -> Any:
    """Return the result of a step, or raise `NotPassedError`."""
    if isinstance(value, NotPassed):
        raise NotPassedError
    return value


def _known(arguments: Sequence[Any]) -> bool:
    values = [one.value if isinstance(one, HandOver) else one for one in arguments]
    values += [part for value in values if isinstance(value, list) for part in value]
    return not any(isinstance(value, NotPassed) for value in values)
