"""Store notebooks without outputs: ``python .ci/strip_notebooks.py NOTEBOOK...``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat


def main() -> int:
    """Strip each notebook; the status is 1 if one of them had outputs."""
    changed = 0
    for path in map(Path, sys.argv[1:]):
        notebook: Any = nbformat.read(path, as_version=4)
        cells = [c for c in notebook.cells if c.cell_type == "code"]
        dirty = [c for c in cells if c.outputs or c.execution_count is not None]
        for cell in dirty:
            cell.outputs, cell.execution_count = [], None
        if dirty:
            nbformat.write(notebook, path)
            changed = 1
    return changed


if __name__ == "__main__":
    raise SystemExit(main())
