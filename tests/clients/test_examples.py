"""The examples as people call them: what they print, and how they fail."""

from pathlib import Path

from PIL import Image

from tests.clients.conftest import NEEDED, VECTORS, Gateways, access, run
from tests.conftest import ROOT

SAMPLE = ROOT / "docs/sample/page.jpg"


def test_every_package_is_installed_by_make_system() -> None:
    installed = set((ROOT / "tests/apt-packages.txt").read_text().split())
    assert {
        name for needed in NEEDED.values() for packages in needed.values() for name in packages.split()
    } <= installed


def test_documents_and_pages(language: str, gateways: Gateways, tmp_path: Path) -> None:
    target = ["--target", gateways.open]
    made = run(language, "analyze", VECTORS / "inputs/document.pdf", *target)
    assert made.returncode == 0, made.stderr
    assert [line for line in made.stdout.splitlines() if line.startswith("page")] == [
        "page 1: 2 stamps",
        "page 2: 1 stamps",
    ]
    large = tmp_path / "large.bmp"
    Image.open(SAMPLE).save(large)
    assert large.stat().st_size > 4 * 2**20  # the examples send pieces of 4 MiB
    made = run(language, "pages", large, *target)
    assert made.returncode == 0, made.stderr
    lines = made.stdout.splitlines()
    assert lines[0].startswith("page 1: ")
    assert lines[-1].startswith("1 pages; die of each stamp: ")


def test_errors(language: str, gateways: Gateways, tmp_path: Path) -> None:
    locked, target = VECTORS / "inputs/locked.pdf", ["--target", gateways.open]
    made = run(language, "analyze", locked, *target)
    assert made.returncode == 1
    assert made.stderr.replace("_", "").upper().startswith("INVALIDARGUMENT: THE PDF IS PROTECTED WITH A PASSWORD")
    assert "\n  document: the PDF is protected" in made.stderr
    made = run(language, "pages", locked, *target)
    assert made.returncode == 1
    assert "the PDF is protected" in made.stderr
    token = tmp_path / "token"
    token.write_text("secret")
    made = run(language, "analyze", locked, "--target", "stamps.example.com:443", "--token-file", token)
    assert made.returncode == 2
    assert made.stderr.strip() == "a token must not travel to stamps.example.com:443 without TLS: pass --tls-ca"
    assert run(language, "analyze", locked, "--no-such-option", "1").returncode == 2


def test_tls_token_and_limit(language: str, gateways: Gateways, tmp_path: Path) -> None:
    options = access(gateways, f"{language}-cli", tmp_path)
    made = run(language, "pages", SAMPLE, *options)
    assert made.returncode == 0, made.stderr
    made = run(language, "analyze", SAMPLE, *options, "--deadline-s", "2")
    # grpc-java waits as it is told and sends the call again, whatever codes its retry policy names.
    assert made.returncode == 1
    assert ("DEADLINE_EXCEEDED" if language == "java" else "\n  send it again in ") in made.stderr
