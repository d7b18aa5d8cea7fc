"""Runs docs/notebook.ipynb: `python -m tests.docs.notebook` puts what its cells print and show into the file."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from stamp2vec.files import write_whole
from tests.conftest import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
CELL_TIMEOUT_S = 120


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with new outputs, run in its folder. CellExecutionError when a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        record_timing=False,  # a run changes nothing but what it finds
        resources={"metadata": {"path": str(path.parent)}},
    )
    return client.execute()


if __name__ == "__main__":
    write_whole(NOTEBOOK, (nbformat.writes(executed(NOTEBOOK)) + "\n").encode())
