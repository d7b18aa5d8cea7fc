"""The images, built and run: each alone, and all together from the overlay `local`."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

import stamp2vec
from stamp2vec.client import Client
from tests.e2e.live import SAMPLE
from tests.images.engine import build, prepare, require_engine, run
from tests.k8s.code import SETTINGS, default
from tests.k8s.manifests import KUBECTL, ROOT, container, named

SERVICES = [*SETTINGS]
START_S = 300.0
COMPILERS = ("gcc", "cc", "c++", "clang", "ld", "as", "make")


@pytest.fixture(scope="module", autouse=True)
def images() -> None:
    require_engine()
    prepare()
    build()


def image(service: str) -> str:
    return f"localhost/stamp2vec/{service}"


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_says_what_it_is_and_is_for_no_root(service: str) -> None:
    (found,) = json.loads(run("podman", "image", "inspect", image(service)))
    assert found["User"] == "10001:10001"
    labels = found["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"] == stamp2vec.__version__
    assert re.fullmatch("[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    assert set(found["Config"]["ExposedPorts"]) == {
        f"{default(service, kind)}/tcp" for kind in ("port", "metrics_port")
    }


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_no_compiler_and_no_service_but_its_own_and_all_can_be_read(service: str) -> None:
    script = f"for each in {' '.join(COMPILERS)}; do command -v $each; done; ls services; python -m pip 2>&1; "
    script += "find . ! -readable"
    found = run("podman", "run", "--rm", "--network", "host", "--entrypoint", "sh", image(service), "-c", script)
    services = {path.name for path in (ROOT / "services").glob("*.py")} | {service, "runtime"}
    assert found.splitlines() == [*sorted(services), "/opt/venv/bin/python: No module named pip"]


@pytest.mark.parametrize("name", ["web", "bulk", *SERVICES])
def test_no_image_for_cpus_has_torch(name: str) -> None:
    command = ["podman", "run", "--rm", "--network", "host", "--entrypoint", "python", image(name), "-c"]
    run(*command, "import grpc")
    with pytest.raises(subprocess.CalledProcessError):
        run(*command, "import torch")


def test_the_command_line_writes_tables_for_the_user_of_its_pods() -> None:
    hardened = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--workdir", "/tmp"]
    program = "import pyarrow.parquet, rich; from stamp2vec.cli import main; main(['analyze', '--help'])"
    entry = ["--entrypoint", "python", image("bulk"), "-c", program]
    assert "--shards" in run("podman", "run", "--rm", "--network", "host", *hardened, *entry)


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_healthy_alone(service: str) -> None:
    hardened = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"]
    running = run("podman", "run", "--detach", "--network", "host", *hardened, image(service))
    try:
        ends_s = time.monotonic() + START_S
        while True:
            try:
                run("podman", "healthcheck", "run", running)
                return
            except subprocess.CalledProcessError:
                assert time.monotonic() < ends_s, run("podman", "logs", running)
                time.sleep(1)
    finally:
        run("podman", "rm", "--force", running)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[None]:
    """The overlay `local` as podman plays it."""
    manifest = tmp_path / "local.yaml"
    manifest.write_text(run(KUBECTL, "kustomize", ROOT / "k8s/overlays/local"))
    run("podman", "kube", "play", "--network", "host", manifest)
    try:
        yield
    finally:
        run("podman", "kube", "down", manifest)


@pytest.mark.usefixtures("local")
def test_the_stack_runs_from_the_manifests() -> None:
    for service in reversed(SERVICES):
        probe = container(named("local", "Deployment", service))["readinessProbe"]["grpc"]
        with grpc.insecure_channel(f"127.0.0.1:{probe['port']}") as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            ends_s = time.monotonic() + START_S
            while True:
                try:
                    request = health_pb2.HealthCheckRequest(service=probe["service"])
                    if (
                        check(request, timeout=START_S, wait_for_ready=True).status
                        == health_pb2.HealthCheckResponse.SERVING
                    ):
                        break
                finally:
                    assert time.monotonic() < ends_s
                time.sleep(1)
    with Client(f"127.0.0.1:{default('gateway', 'port')}") as client:
        (page,) = client.analyze(SAMPLE.read_bytes()).pages
    assert page.stamps
    running = json.loads(run("podman", "ps", "--format", "json"))
    for each in (each for each in running if "stamp2vec" in each["Image"]):
        (found,) = json.loads(run("podman", "inspect", each["Id"]))
        assert found["HostConfig"]["ReadonlyRootfs"] is True
        assert found["EffectiveCaps"] in (None, [])
        assert found["Config"]["User"].startswith("10001")
