"""The options of methods as their docstrings describe them, for docstrings and messages."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

#: The argument that every method takes, for all docstrings.
_THREADS = "threads : int, optional\n    All cores by default. The result does not depend on it."
_SECTION = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)


def parameters_in(docstring: str) -> dict[str, str]:
    r"""Return the entries of the section Parameters by name, each with the line that names it.

    Examples
    --------
    >>> parameters_in("Do.\n\nParameters\n----------\nwidth, size : float\n    In nm.")["size"]
    'width, size : float\n    In nm.'
    """
    _, *sections = _SECTION.split(inspect.cleandoc(docstring))
    text = dict(zip(sections[::2], sections[1::2], strict=True)).get("Parameters", "")
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return {
        name.strip(): entry.rstrip()
        for entry in entries
        for name in entry.partition(" :")[0].split(",")
        if name.strip()
    }


def meaning(entry: str) -> str:
    r"""Return the first sentence of an entry.

    Examples
    --------
    >>> meaning("size : float\n    Edge of a\n    pixel. In nm.")
    'Edge of a pixel.'
    """
    text = " ".join(entry.partition("\n")[2].split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]


def listed_options(function: Callable[..., Any], defaults: Mapping[str, Any]) -> str:
    """Return options with their defaults and what they mean, one a line."""
    entries = {"threads": _THREADS, **parameters_in(function.__doc__ or "")}
    return "\n".join(
        f"  {name}={default!r}: {meaning(entries.get(name, ''))}".rstrip(": ")
        for name, default in defaults.items()
    )


def docstring_in(module: str, function: str) -> str:
    """Return the docstring of a function without importing its module; empty if there is none."""
    try:
        spec = find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        tree = ast.parse(Path(spec.origin).read_bytes())
    except Exception:  # somebody else's
        return ""
    named = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    return next((ast.get_docstring(node) or "" for node in named), "")


class _Completed:
    """A function of a class whose docstring is completed when it is first looked at."""

    def __init__(self, function: Callable[..., Any], more: Callable[[], str]) -> None:
        self._function, self._more = function, more
        self.__module__, self.__doc__ = function.__module__, function.__doc__  # for doctest

    def __get__(self, instance: object, owner: type) -> Any:
        doc, name = self._function.__doc__, self._function.__name__
        if doc is not None:
            self._function.__doc__ = f"{inspect.cleandoc(doc)}\n\n{self._more()}"
        setattr(owner, name, self._function)
        return getattr(owner if instance is None else instance, name)


def completed(more: Callable[[], str]) -> Callable[[F], F]:
    """Add text to the docstring of a function of a class, that is made when it is needed."""

    def complete(function: F) -> F:
        return cast(F, _Completed(function, more))

    return complete
