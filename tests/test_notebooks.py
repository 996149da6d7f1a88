"""The notebooks run from beginning to end, without a warning, and are stored without outputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STRICT = """
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("default", module="ipykernel")
"""


class ThisInterpreter(KernelSpecManager):
    """The kernel of the running interpreter, whatever kernels the user has registered."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())


class KernelManager(AsyncKernelManager):
    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return ThisInterpreter()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook: Any = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    search = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(search))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the one of notebooks
    NotebookClient(
        notebook,
        kernel_manager_class=KernelManager,
        resources={"metadata": {"path": tmp_path}},
        timeout=120,
    ).execute()
    shown = [kind for cell in notebook.cells for out in cell.get("outputs", ())
             for kind in out.get("data", ())]  # fmt: skip
    assert "image/png" in shown
    said = [out for cell in notebook.cells for out in cell.get("outputs", ())
            if out.get("name") == "stderr"]  # fmt: skip
    assert said == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_outputs(path: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count] == []


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS
