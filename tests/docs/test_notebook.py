"""The notebook in docs/ runs, and shows what it says."""

from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from tests.docs.notebook import NOTEBOOK, executed

MOST_BYTES = 500_000


def test_the_notebook_runs_and_its_outputs_are_in_it() -> None:
    assert NOTEBOOK.stat().st_size < MOST_BYTES
    committed = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(committed)
    fresh = executed(NOTEBOOK)
    assert outlines(fresh) == outlines(committed)
    html = "".join(output["data"].get("text/html", "") for output in results(fresh))
    for expected in ("stamps: 4", "Probability of one die", "<bdi>same</bdi>", "<bdi>different</bdi>"):
        assert expected in html


def test_a_cell_that_fails_fails_the_run(tmp_path: Path) -> None:
    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    path = tmp_path / "broken.ipynb"
    nbformat.write(broken, path)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        executed(path)


def results(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]


def outlines(notebook: nbformat.NotebookNode) -> list[tuple[int, list[tuple[str, list[str]]]]]:
    """How often each cell of code ran, and the kinds of its outputs."""
    return [
        (cell.execution_count, [(each.output_type, sorted(each.get("data", {}))) for each in cell.outputs])
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
