"""The notebooks run from beginning to end, without a warning, and are stored without outputs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from smlm_accessor.kernels.compilation import MESSAGE

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REAL_DATA = ROOT / "notebooks" / "03_real_data.ipynb"
SHARED = ROOT.parent / "shared" / "data"
# Of these a part of the field, for time.
PARTS = {"egfr_cells.parquet": 0.3, "clathrin_3d.parquet": 0.3}
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


def outputs(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Run a notebook in a folder, which must be as before, and return all outputs."""
    notebook: Any = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    search = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(search))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the one of notebooks
    NotebookClient(
        notebook,
        kernel_manager_class=KernelManager,
        resources={"metadata": {"path": folder}},
        timeout=120,
    ).execute()
    found = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    said = [out["text"].strip() for out in found if out.get("name") == "stderr"]
    assert set(said) <= {MESSAGE}  # the first time
    assert list(folder.iterdir()) == []
    return found


def smaller(folder: Path) -> Path:
    """Make a folder of the real tables, of the large ones a part of the field."""
    for path in filter(Path.is_file, SHARED.rglob("*")):
        copy = folder / path.relative_to(SHARED)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.name in PARTS:
            table = pd.read_parquet(path)
            table[table["x"] > table["x"].quantile(1 - PARTS[path.name])].to_parquet(copy)
        else:
            copy.symlink_to(path)
    return folder


def shown(found: list[Any], kind: str) -> list[str]:
    return [out["data"][kind] for out in found if kind in out.get("data", ())]


def printed(found: list[Any]) -> str:
    return "".join(out["text"] for out in found if out.get("name") == "stdout")


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path != REAL_DATA], ids=lambda path: path.stem
)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outputs(path, tmp_path, monkeypatch)
    assert shown(found, "image/png")
    datasets = [page for page in shown(found, "text/html") if "xr-wrap" in page]
    assert datasets
    if path.stem != "05_many_rounds":  # a Dataset by table has no trace over time
        assert any(page.startswith("<div><div>Drift by ") for page in datasets)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data here")
def test_notebook_of_real_data_runs(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = smaller(tmp_path_factory.mktemp("shared") / "data")
    monkeypatch.setenv("SMLM_SHARED_DATA", str(data))
    found = outputs(REAL_DATA, tmp_path, monkeypatch)
    assert "Skipped" not in printed(found)
    assert len(shown(found, "image/png")) == 6
    assert any("Drift by overlap" in page for page in shown(found, "text/html"))


def test_without_real_data_each_section_says_that_it_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMLM_SHARED_DATA", str(tmp_path))
    found = outputs(REAL_DATA, tmp_path, monkeypatch)
    sections = REAL_DATA.read_text(encoding="utf-8").count('"## ')
    assert printed(found).count("Skipped: there is no ") == sections > 3
    assert shown(found, "image/png") == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_outputs(path: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count] == []


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS
