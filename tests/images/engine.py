"""buildah and podman without a daemon, on storage of their own in build/containers."""

import os
import subprocess
import tomllib
from pathlib import Path

from tests.conftest import missing, require

ROOT = Path(__file__).parents[2]
HOME = ROOT / "build/containers"
BASE = ROOT / "build/image-base"
"""A Debian with Python, in place of python:3.11-slim, which comes from a registry of images."""
WHEELS = ROOT / "build/wheels"
BASE_IMAGE = "localhost/stamp2vec-base"

_STORAGE = f"""[storage]
driver = "overlay"
graphroot = "{HOME}/storage"
runroot = "{HOME}/run"
"""
# What a machine without systemd and with a hybrid cgroup hierarchy needs.
_ENGINE = """[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[containers]
netns = "host"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
"""
_IN_A_MOUNT_NAMESPACE = """
mount --make-rprivate /
if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
exec "$@"
"""


def require_engine() -> None:
    """Skips where images cannot be built: without root, buildah, podman or the base. Fails in CI."""
    programs = [name for name in (ROOT / "tests/images/apt-packages.txt").read_text().split() if name != "catatonit"]
    if os.geteuid() != 0:
        missing("root", "sudo make test-images")
    for program in programs:
        require(program, "sudo make test-images")
    require(BASE, "sudo make test-images")


def run(*command: str | Path) -> str:
    """Its stdout. Raises CalledProcessError."""
    environment = os.environ | {
        "CONTAINERS_STORAGE_CONF": str(HOME / "storage.conf"),
        "CONTAINERS_CONF": str(HOME / "containers.conf"),
    }
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", _IN_A_MOUNT_NAMESPACE, "sh", *command],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()


def prepare() -> None:
    """Storage, the base image, and the packages that the builds install."""
    HOME.mkdir(parents=True, exist_ok=True)
    (HOME / "storage.conf").write_text(_STORAGE)
    (HOME / "containers.conf").write_text(_ENGINE)
    (HOME / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    if BASE_IMAGE not in run("buildah", "images", "--format", "{{.Name}}"):
        base = run("buildah", "from", "scratch")
        run("buildah", "copy", "--quiet", base, BASE, "/")
        run("buildah", "commit", "--quiet", "--rm", base, BASE_IMAGE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names = ("local", "read", "services", "otel", "signed")
    packages = [*project["dependencies"], *(package for name in names for package in extras[name])]
    run(ROOT / ".venv/bin/pip", "download", "--quiet", "-d", WHEELS, "-c", "constraints.txt", *packages)


def build() -> None:
    """All images, by `make images`."""
    flags = f"--isolation chroot --pull-never --network host --build-arg BASE={BASE_IMAGE}"
    volumes = f"-v {WHEELS}:/wheels:ro -v {HOME}/pip.conf:/etc/pip.conf:ro"
    run("make", "images", "ENGINE=buildah", f"BUILD_FLAGS={flags} {volumes}")
