"""The documentation as a site: it is built without a warning, and a browser that reads it asks no other host."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

_LOADED = re.compile(r'<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)="(?:https?:)?//[^"]*"', re.IGNORECASE)
_IN_STYLE = re.compile(r"(?:url\(|@import )[\"']?(?:https?:)?//")


def build(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--quiet", "--builder", "html", "--conf-dir", str(ROOT / "docs")]
    options = ["--doctree-dir", str(out / "doctrees"), "--fail-on-warning", str(source), str(out / "html")]
    return subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    done = build(ROOT, out)
    assert done.returncode == 0, done.stderr
    return out / "html"


def test_it_has_every_page(site: Path) -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        assert (site / page.relative_to(ROOT)).with_suffix(".html").exists(), page
    assert "docs/index.html" in (site / "index.html").read_text()


def test_it_documents_the_library_from_its_docstrings(site: Path) -> None:
    for name, mentioned in (
        ("client", "Client.analyze_pages"),
        ("pipelines", "DocumentPipeline.from_preset"),
        ("values", "Stamp"),
        ("errors", "Overloaded"),
    ):
        assert f'id="stamp2vec.{name}.{mentioned}"' in (site / f"docs/python/{name}.html").read_text()


def test_it_loads_nothing_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        assert _LOADED.findall(page.read_text()) == [], page
    for style in site.rglob("*.css"):
        assert not _IN_STYLE.search(style.read_text()), style


def test_a_link_that_leads_nowhere_fails(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("# Title\n\n[elsewhere](gone.md)\n")
    done = build(tmp_path, tmp_path / "out")
    assert done.returncode != 0
    assert "gone.md" in done.stderr
