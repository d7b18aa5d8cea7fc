"""The committed files of the page are what its sources make."""

import os
import subprocess
from pathlib import Path

from tests.conftest import ROOT, require

PAGE = ROOT / "services/web/page"


def test_the_built_page_is_that_of_the_sources(tmp_path: Path) -> None:
    """`tsc` must have no complaint, too: the build begins with it."""
    require(PAGE / "node_modules", "make services/web/page/node_modules")
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    command = ["npm", "run", "--silent", "build", "--", f"--outdir={tmp_path}"]
    built = subprocess.run(command, cwd=PAGE, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    for name in ("app.js", "style.css"):
        assert (tmp_path / name).read_text() == (PAGE / "static" / name).read_text(), f"run `make page`: {name}"
