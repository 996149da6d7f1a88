"""Register an accessor on dask DataFrames once dask is imported, whichever import comes first.

To import dask.dataframe takes longer than all of this package, and most sessions never need it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_DASK = "dask.dataframe"


def register_partitioned(name: str) -> Callable[[type], type]:
    """Register an accessor of that name."""

    def add(accessor: type) -> type:
        def register() -> None:
            from dask.dataframe.extensions import register_dataframe_accessor

            register_dataframe_accessor(name)(accessor)

        if _DASK in sys.modules:
            register()
        else:
            sys.meta_path.insert(0, _Watch(register))
        return accessor

    return add


class _Watch(MetaPathFinder):
    """Waits until dask.dataframe is imported, then acts, once."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _DASK:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, self._action)
        return spec


class _Then(Loader):
    """Loads as another loader does, and then acts."""

    def __init__(self, loader: Loader, action: Callable[[], None]) -> None:
        self._loader, self._action = loader, action

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._action()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
