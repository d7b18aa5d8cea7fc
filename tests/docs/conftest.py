"""What a reader of the documentation has: the services at the addresses that it names, and documents of their own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from services.stack.processes import Service, running, stop, wait_until_serving
from services.table import MODEL_SERVICE_NAMES, MODEL_SERVICES
from tests.conftest import ROOT
from tests.library.certificates import certificate
from tests.web.test_access import line

SAMPLE = ROOT / "docs/sample/page.jpg"
_ONE_DIE = (246, 1282, 487, 1528), (823, 270, 1063, 511)
_STAMPS = (*_ONE_DIE, *_ONE_DIE, _ONE_DIE[0])
OPTIONS = ("--executors", "1", "--max-batch", "1")
TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Reader:
    """A folder with docs/ and documents in it, and where the services are that pages call by other names."""

    folder: Path
    addresses: dict[str, str]
    environment: dict[str, str]

    def run(self, program: list[str], text: str) -> str:
        """What a script prints; AssertionError where it fails. `program` reads it as its last argument."""
        for named, real in self.addresses.items():
            text = text.replace(named, real)
        done = subprocess.run(
            [*program, text],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    logs, secured = tmp_path_factory.mktemp("logs"), tmp_path_factory.mktemp("secured")
    folder = _documents(tmp_path_factory.mktemp("reader"))
    (folder / "tokens").write_text(line("reader", "analyse", "token-of-the-reader"))
    own = certificate(secured, "own")
    tls = ["--tls-cert", str(own.path), "--tls-key", str(own.key), "--tokens", str(folder / "tokens")]
    with running(dict.fromkeys(MODEL_SERVICE_NAMES, OPTIONS), logs) as stack:
        stack.start_web(lambda *_: None)
        models = [part for name in MODEL_SERVICE_NAMES for part in (f"--{name}", stack.address(name).target)]
        free = ["--port", "0", "--metrics-port", "0"]
        gateway = Service("gateway", [*free, *tls, *models], secured / "gateway.log")
        wait_until_serving([gateway], lambda *_: None)
        assert gateway.address is not None
        upstream = ["--gateway", gateway.address.target, "--upstream-ca", str(own.path)]
        web = Service("web", [*free, *tls, *upstream], secured / "web.log")
        wait_until_serving([web], lambda *_: None)
        assert web.address is not None
        addresses = {
            **{f"127.0.0.1:{spec.port}": stack.address(spec.name).target for spec in MODEL_SERVICES},
            "127.0.0.1:50050": stack.address("gateway").target,
            "127.0.0.1:8050": stack.address("web").target,
            "stamps.example.com:443": gateway.address.target,
            "https://stamps.example.com/": f"https://{web.address.target}/",
        }
        yield Reader(folder, addresses, _environment(folder, own.path))
        stop([web])
        stop([gateway])


def _documents(folder: Path) -> Path:
    """The files that the pages name."""
    (folder / "docs").mkdir()
    (folder / "docs/sample").symlink_to(SAMPLE.parent)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    with Image.open(SAMPLE) as page:
        (folder / "crops").mkdir()
        for name, box in zip(("a", "b", "first", "second", "crops/1"), _STAMPS, strict=True):
            page.crop(box).save(folder / f"{name}.png")
        for name, count in (("scan.pdf", 3), ("a.pdf", 3), ("archive.pdf", 4)):
            page.save(folder / name, save_all=True, append_images=[page] * (count - 1), resolution=150)
    for name in ("scan.jpg", "b.jpg", "scans/one.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(SAMPLE, folder / name)
    shutil.copy(folder / "a.pdf", folder / "scans/two.pdf")
    return folder


def _environment(folder: Path, authority: Path) -> dict[str, str]:
    """Of a shell in which the project is installed; curl fails where the answer is an error."""
    programs = folder / "programs"
    programs.mkdir()
    curl = shutil.which("curl")
    (programs / "curl").write_text(f'#!/bin/sh\nexec {curl} --silent --show-error --fail-with-body "$@"\n')
    (programs / "curl").chmod(0o755)
    path = f"{programs}:{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    return os.environ | {
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "TOKEN": "token-of-the-reader",
        "SSL_CERT_FILE": str(authority),
        "CURL_CA_BUNDLE": str(authority),
    }
