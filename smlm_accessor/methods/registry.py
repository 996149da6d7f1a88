"""Which methods there are: those of this package, and those that others bring."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from smlm_accessor.errors import OptionError
from smlm_accessor.methods.api import OF_RUNNER, Function, Method
from smlm_accessor.methods.documentation import docstring_in, parameters_in

# A method's module is imported when the method is first asked for: some of them bring a compiler.
_MODULES = {
    name: f"smlm_accessor.methods.{name}.method"
    for name in ("overlap", "aim", "rcc", "cc", "icp", "fiducial")
}
#: Other packages name the functions of their methods, registered, in this group of entry points.
ENTRY_POINTS = "smlm_accessor.methods"
_METHODS: dict[str, Method] = {}
NO_OPTIONS = ("localizations", *OF_RUNNER)


def register(name: str, **properties: Any) -> Callable[[Function], Function]:
    """Register a function as a method; to be used as a decorator.

    Parameters
    ----------
    name : str
    **properties
        Of the `Method`: ``targets``, ``chooses_chunks``, ``samples``, ``checks``, ``reduction``.

    Returns
    -------
    callable
        The decorator.

    Raises
    ------
    OptionError
        If there is another method of that name.

    Examples
    --------
    >>> from smlm_accessor.methods.api import Registered
    >>> @register("rest", targets=("all",))
    ... def rest(localizations):
    ...     return Registered.at_rest(localizations)
    >>> get("rest").name
    'rest'
    >>> del _METHODS["rest"]
    """

    def add(function: Function) -> Function:
        known = _METHODS.get(name)
        module = _MODULES.get(name) if known is None else known.function.__module__
        if module not in (None, function.__module__):
            raise OptionError(
                f"there is a method {name!r} already, in {module}; choose another name for that "
                f"of {function.__module__}"
            )
        _METHODS[name] = Method(name, function, **properties)
        return function

    return add


@cache
def _brought() -> dict[str, EntryPoint]:
    """Return the entry points of other packages, by the name of the method."""
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def options_text() -> str:
    """Return what the options of all methods are, as sections of a docstring.

    Modules of methods are not imported for it, but for those that are there already.
    """
    sections = []
    for name in names():
        if name in _MODULES:
            doc = docstring_in(_MODULES[name], name)
        elif name in _METHODS:
            doc = _METHODS[name].function.__doc__ or ""
        else:
            doc = docstring_in(_brought()[name].module, _brought()[name].attr or name)
        entries = parameters_in(doc)
        own = list(dict.fromkeys(e for n, e in entries.items() if n not in NO_OPTIONS))
        if own:
            title = f'Options of method="{name}"'
            sections.append("\n".join([title, "-" * len(title), *own]))
    return "\n\n".join(sections)


def names() -> tuple[str, ...]:
    """Names of all methods: those of this package first."""
    return tuple(dict.fromkeys([*_MODULES, *_brought(), *_METHODS]))


def get(name: str) -> Method:
    """Return the method of that name, or raise an `OptionError` that lists those there are."""
    if name in _MODULES:
        import_module(_MODULES[name])
    elif name not in _METHODS and name in _brought():
        point = _brought()[name]
        point.load()
        if name not in _METHODS:
            raise OptionError(
                f"{point.value} does not register a method {name!r}: decorate its function with "
                f"smlm_accessor.methods.registry.register({name!r})"
            )
    if name not in _METHODS:
        known = ", ".join(map(repr, names()))
        raise OptionError(f"method={name!r} is not known; choose one of {known}")
    return _METHODS[name]
