"""The manifests as a cluster gets them: rendered by kubectl."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import require

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
KUBECTL = ROOT / "build/kubectl"

Resource = dict[str, Any]

OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (K8S / "components").iterdir())
_WEB = ("network-policy", "web")
_READER = ("network-policy", "reader")
_TOGETHER = {
    "gpu-timeslice": ("gpu", "gpu-timeslice"),
    "otel": (*_WEB, "otel"),
    "reader": _READER,
    "reader-tls": (*_READER, "reader-tls", "tls"),
    "reader-hpa": (*_READER, "reader-hpa", "hpa"),
    "reader-keda": (*_READER, "reader-keda", "keda"),
    "reader-mtls": (*_READER, "reader-mtls", "mtls"),
    "web": _WEB,
    "web-tls": (*_WEB, "web-tls", "tls"),
    "web-hpa": (*_WEB, "web-hpa", "hpa"),
    "web-keda": (*_WEB, "web-keda", "keda"),
    "web-mtls": (*_WEB, "web-mtls", "mtls"),
}  # components that change what others have added, with these and in their order
SERVICES = ("gateway", "detector", "segmenter", "embedder")

OPTIONAL = {
    f"base+{name}": ("web",) if "web" in all_of_them else ("reader",)
    for name, all_of_them in _TOGETHER.items()
    if {"web", "reader"} & set(all_of_them)
}
"""Services that only these variants have."""

VARIANTS = [*OVERLAYS, *(f"base+{name}" for name in COMPONENTS)]
"""Everything that is rendered: the overlays, and the base with each component."""


@dataclass(frozen=True, slots=True)
class RenderingFailed(Exception):
    """Rendering failed; the message is kubectl's."""

    text: str


def need(path: Path, target: str) -> None:
    """A program that the Makefile fetches."""
    require(path, f"make {target}")


@cache
def render(folder: Path) -> tuple[Resource, ...]:
    """The resources of a rendered folder. Raises RenderingFailed."""
    need(KUBECTL, "build/kubectl")
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderingFailed(done.stderr)
    return tuple(yaml.safe_load_all(done.stdout))


@cache
def base_with(*components: str) -> tuple[Resource, ...]:
    """The base with these components. Raises RenderingFailed."""
    folder = ROOT / "build/k8s" / "+".join(components)
    folder.mkdir(parents=True, exist_ok=True)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "stamp2vec",
        "resources": [os.path.relpath(K8S / "base", folder)],
        "components": [os.path.relpath(K8S / "components" / name, folder) for name in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return render(folder)


def resources(variant: str) -> tuple[Resource, ...]:
    """The resources of one of VARIANTS."""
    base, _, component = variant.partition("+")
    return base_with(*_TOGETHER.get(component, (component,))) if component else render(K8S / "overlays" / base)


def of_kind(variant: str, kind: str) -> list[Resource]:
    """All of one kind."""
    return [resource for resource in resources(variant) if resource["kind"] == kind]


def named(variant: str, kind: str, name: str) -> Resource:
    """The one of this kind and name."""
    (found,) = (each for each in of_kind(variant, kind) if each["metadata"]["name"] == name)
    return found


def pod(deployment: Resource) -> Resource:
    """The pod's spec."""
    spec: Resource = deployment["spec"]["template"]["spec"]
    return spec


def container(deployment: Resource) -> Resource:
    """Its only container."""
    (only,) = pod(deployment)["containers"]
    found: Resource = only
    return found


def environment(variant: str, service: str) -> dict[str, str]:
    """The variables that the service's container is started with."""
    deployment = named(variant, "Deployment", service)
    found: dict[str, str] = {}
    for source in container(deployment)["envFrom"]:
        found |= named(variant, "ConfigMap", source["configMapRef"]["name"])["data"]
    for variable in container(deployment)["env"]:
        found[variable["name"]] = variable.get("value") or _field(deployment, variable["valueFrom"])
    return found


def _field(deployment: Resource, source: Resource) -> str:
    """The value that the kubelet sets for a label's fieldRef, and for a resourceFieldRef, rounded up."""
    if "fieldRef" in source:
        label = source["fieldRef"]["fieldPath"].removeprefix("metadata.labels['").removesuffix("']")
        return str(deployment["spec"]["template"]["metadata"]["labels"][label])
    kind, _, resource = source["resourceFieldRef"]["resource"].partition(".")
    return str(int(-(-quantity(container(deployment)["resources"][kind][resource]) // 1)))


def quantity(text: str) -> float:
    """A quantity of Kubernetes: cores, bytes, or a plain number."""
    units = {"m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    unit = next((unit for unit in units if text.endswith(unit)), "")
    return float(text.removesuffix(unit)) * units.get(unit, 1.0)


def selects(selector: Resource, labels: Resource) -> bool:
    """Whether a label selector, of matchLabels only, matches these labels."""
    assert selector.keys() <= {"matchLabels"}, "these tests understand matchLabels only"
    wanted: Resource = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def values_of(key: str, value: object) -> Iterator[Any]:
    """All values of the key, at any depth."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for each in value.values():
            yield from values_of(key, each)
    elif isinstance(value, list):
        for each in value:
            yield from values_of(key, each)
