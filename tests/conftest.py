"""What tests of several folders need; which of them are slow, and which share a process."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from training.synth.fonts import Script, Split, Style, families

ROOT = Path(__file__).parents[1]

SLOW = (
    "autoscale/",
    "balancing/",
    "bulk/test_run.py",
    "bulk/test_stores.py",
    "clients/",
    "contract/",
    "docs/",
    "e2e/",
    "erasing/test_pdfs.py",
    "erasing/test_pictures.py",
    "formats/test_pdf_documents.py",
    "images/",
    "k8s/",
    "library/test_app.py",
    "library/test_original.py",
    "models/test_architectures.py",
    "monitoring/",
    "oip/test_failures.py",
    "oip/test_models.py",
    "oip/test_triton.py",
    "packaging/",
    "page/",
    "runtime/test_executor.py",
    "runtime/test_model_service.py",
    "services/test_gateway_erasing.py",
    "services/test_model_processes.py",
    "services/test_model_services.py",
    "services/test_reader.py",
    "services/test_refine.py",
    "services/test_verify_pairs.py",
    "synth/",
    "tracing/",
    "training/",
    "verdicts/",
    "web/test_openapi.py",
    "web/test_process.py",
    "web/test_tls.py",
)
"""Marked `slow`: folders and files below tests/. What starts a process, installs, draws or trains is slow."""

ONE_PROCESS = (
    "clients/",  # one stack of services for all
    "e2e/",  # likewise
    "k8s/",  # they render into the same folders
    "page/",  # one stack and one browser for all
)
"""Folders whose tests run in one process of `--dist loadgroup`; elsewhere the tests of one file do."""


@pytest.hookimpl(tryfirst=True)  # before the processes of xdist read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sets the marks. UsageError for an entry of the tables that names nothing, which would make slow tests fast."""
    if gone := [name for name in (*SLOW, *ONE_PROCESS) if not (ROOT / "tests" / name).exists()]:
        raise pytest.UsageError(f"tests/conftest.py names {', '.join(gone)}, which is not there")
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        if name.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
        if name.startswith("images/"):
            item.add_marker(pytest.mark.images)
        group = next((folder for folder in ONE_PROCESS if name.startswith(folder)), name.partition("::")[0])
        item.add_marker(pytest.mark.xdist_group(group))


def require(program: str | Path, install: str) -> Path:
    """Where a program is, which is given by its name, or by its path below the repository.

    Without it the test is skipped, and in CI fails; `install` is the command that brings it.
    """
    found = shutil.which(program) if isinstance(program, str) else program
    if found is None or not Path(found).exists():
        missing(str(program).removeprefix(f"{ROOT}/"), install)
    return Path(found)


def missing(what: str, install: str) -> NoReturn:
    """The same for what is no program, and is missing."""
    text = f"{what} is missing: run `{install}`"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


@pytest.fixture(scope="session")
def typefaces() -> None:
    """The typefaces of the stamp world, which are Debian packages: `make system` installs what the tests need."""
    try:
        for split in Split:
            for script in Script:
                families(script, split)
            families(Script.LATIN, split, Style.SYMBOL)
    except RuntimeError:
        missing("a typeface of the stamp world", "sudo make system")
