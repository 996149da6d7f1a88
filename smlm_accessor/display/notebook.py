"""Show Datasets of drift in notebooks, where IPython runs. Elsewhere this does nothing."""

from __future__ import annotations

import sys
from typing import Any

import xarray as xr


def register(shell: Any = None) -> bool:
    """Let IPython show Datasets of drift by their chart, all others as before; say if it runs.

    The shell is the running one, if none is given. IPython is never imported.
    """
    try:
        shell = _running_shell() if shell is None else shell
        if shell is None:
            return False
        formatter = shell.display_formatter.formatters["text/html"]
        before = formatter.for_type(xr.Dataset)
        if not isinstance(before, _Page):
            formatter.for_type(xr.Dataset, _Page(before))
    except Exception:  # of an IPython of another age; the import must not fail for that
        return False
    return True


def _running_shell() -> Any:
    ipython = sys.modules.get("IPython")
    get = getattr(ipython, "get_ipython", None)  # not there while IPython itself is imported
    return None if get is None else get()


class _Page:
    """Html of a Dataset: of drift ours, else what another formatter says, else xarray's."""

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, dataset: xr.Dataset) -> Any:
        from smlm_accessor.display.drift import dataset_html, is_drift

        if self._before is not None and not is_drift(dataset):
            return self._before(dataset)
        return dataset_html(dataset)
