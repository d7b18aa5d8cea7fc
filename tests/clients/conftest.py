"""The real gateway with the bundled models, open and behind TLS and tokens, and the example clients, compiled."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.stack.processes import Service, Stack, running, stop, wait_until_serving
from services.table import MODEL_SERVICE_NAMES
from tests.conftest import ROOT, require
from tests.library.certificates import Certificate, certificate

VECTORS = ROOT / "clients/conformance"
OUT = ROOT / "build/clients"
BIN = Path(sys.prefix) / "bin"

LANGUAGES = {
    "cpp": [OUT / "cpp/client"],
    "go": [OUT / "go/client"],
    "java": [OUT / "java/client"],
    "typescript": [BIN / "node", OUT / "typescript/js/main.js"],
}
"""How the example of each language is called."""

NEEDED: dict[str, dict[str | Path, str]] = {
    "cpp": {
        "g++": "g++",
        "protoc": "protobuf-compiler",
        "grpc_cpp_plugin": "protobuf-compiler-grpc",
        Path("/usr/include/grpcpp/grpcpp.h"): "libgrpc++-dev",
    },
    "go": {
        "go": "golang-go",
        "protoc-gen-go": "protoc-gen-go-1-5",
        "protoc-gen-go-grpc": "protoc-gen-go-grpc",
        Path("/usr/share/gocode/src/google.golang.org/grpc/version.go"): "golang-google-grpc-dev",
    },
    "java": {
        "javac": "openjdk-17-jdk-headless",
        "protoc": "protobuf-compiler",
        "grpc_java_plugin": "protobuf-compiler-grpc-java-plugin",
        **{
            Path(f"/usr/share/java/{jar}.jar"): package
            for jar, package in {
                "grpc-netty": "libgrpc-java",
                "protobuf-util": "libprotobuf-java",
                "gson": "libgoogle-gson-java",
                "netty-handler": "libnetty-java",
                "netty-tcnative": "libnetty-tcnative-java libnetty-tcnative-jni",
                "perfmark-api": "libperfmark-java",
                "geronimo-annotation-1.3-spec": "libgeronimo-annotation-1.3-spec-java",
            }.items()
        },
    },
    "typescript": {},  # `make setup` installs Node
}
"""What compiles each, and the Debian packages that have it."""

_MODELS = {"detector": ("yolo-stamp",), "segmenter": ("stamp-unet",), "embedder": ("tvae", "stamp-pair")}
_SMALL = ("--executors", "1", "--max-batch", "4", "--capacity", "128")
_NO_SCOPE = "token-without-the-scope"  # that of the vectors


@dataclass(frozen=True, slots=True)
class Gateways:
    """One that takes every call on loopback, and one that asks for TLS, certificate and token, and limits callers."""

    stack: Stack
    guarded: str
    own: Certificate
    client: Certificate
    logs: Path

    @property
    def open(self) -> str:
        return self.stack.address("gateway").target


@pytest.fixture(scope="package")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    folder = tmp_path_factory.mktemp("gateways")
    own, client = certificate(folder, "own"), certificate(folder, "client")
    callers = [(name, token_of(name), "analyse") for each in ("python", *LANGUAGES) for name in (each, f"{each}-cli")]
    tokens = folder / "tokens"
    tokens.write_text(
        "\n".join(
            f"{name} {hashlib.sha256(token.encode()).hexdigest()} {scope}"
            for name, token, scope in (*callers, ("no-scope", _NO_SCOPE, "registry-read"))
        )
    )
    options = {
        name: [*_SMALL, *(part for model in models for part in ("--model", model))] for name, models in _MODELS.items()
    }
    with running(options, folder) as stack:
        arguments = [part for name in MODEL_SERVICE_NAMES for part in (f"--{name}", stack.address(name).target)]
        arguments += ["--port", "0", "--metrics-port", "0", "--tokens", str(tokens)]
        arguments += ["--tls-cert", str(own.path), "--tls-key", str(own.key), "--tls-client-ca", str(client.path)]
        arguments += ["--caller-rate", "0.001", "--caller-burst", "1"]
        guarded = Service("gateway", arguments, folder / "guarded.log")
        try:
            wait_until_serving([guarded], lambda *_: None)
            assert guarded.address
            yield Gateways(stack, guarded.address.target, own, client, folder)
        finally:
            stop([guarded])


def token_of(caller: str) -> str:
    return f"token-of-{caller}"


@pytest.fixture(scope="session")
def compiled() -> None:
    """All that can be, at once."""
    present = [language for language, needed in NEEDED.items() if all(map(_is_there, needed))]
    made = subprocess.run(["make", "-s", "-j2", "-C", ROOT / "clients", *present], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr


def _is_there(program: str | Path) -> bool:
    try:
        require(program, "")
    except (pytest.skip.Exception, pytest.fail.Exception):
        return False
    return True


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Each whose programs are there."""
    for program, package in NEEDED[request.param].items():
        require(program, f"sudo apt-get install --no-install-recommends {package}")
    request.getfixturevalue("compiled")
    return str(request.param)


def access(gateways: Gateways, caller: str, folder: Path) -> list[str | Path]:
    """The options that the guarded gateway asks for."""
    token = folder / "token"
    token.write_text(f"{token_of(caller)}\n")
    files: list[str | Path] = ["--tls-ca", gateways.own.path, "--tls-cert", gateways.client.path]
    return ["--target", gateways.guarded, *files, "--tls-key", gateways.client.key, "--token-file", token]


def run(language: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The example with these arguments, with retries in grpc-go 1.33, and with a proxy that is not for loopback."""
    proxy = "http://127.0.0.1:1"
    environment = {**os.environ, "GRPC_GO_RETRY": "on", "http_proxy": proxy, "https_proxy": proxy, "no_proxy": ""}
    command = [*LANGUAGES[language], *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
