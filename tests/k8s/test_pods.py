"""What holds for every pod: security, lifecycle, resources and placement."""

import re

import pytest

from services.gateway.settings import GatewaySettings
from tests.k8s.manifests import (
    OPTIONAL,
    OVERLAYS,
    SERVICES,
    VARIANTS,
    Resource,
    base_with,
    container,
    environment,
    named,
    of_kind,
    pod,
    quantity,
)

GATEWAY_MIB = 640  # of its own processes, and of what is made of pages: views, crops, answers
MARGIN_S = 10  # for executors to end, and the kubelet's own delays
MODELS = SERVICES[1:]

each_pod = pytest.mark.parametrize(
    ("variant", "service"),
    [(variant, service) for variant in VARIANTS for service in (*SERVICES, *OPTIONAL.get(variant, ()))],
)


def deployment_of(variant: str, service: str) -> Resource:
    return named(variant, "Deployment", service)


@each_pod
def test_it_keeps_the_restricted_pod_security_standard(variant: str, service: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, and more than that."""
    spec = pod(deployment_of(variant, service))
    only = container(deployment_of(variant, service))
    assert spec.keys().isdisjoint({"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"})
    assert all("hostPort" not in port for port in only.get("ports", []))
    assert all(volume.keys() <= {"name", "emptyDir", "persistentVolumeClaim", "secret"} for volume in spec["volumes"])
    of_pod, of_container = spec["securityContext"], only["securityContext"]
    assert of_pod["runAsNonRoot"] is True
    assert of_pod["runAsUser"] == of_pod["runAsGroup"] == 10001
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert of_container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert named(variant, "ServiceAccount", spec["serviceAccountName"])["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_namespace_enforces_the_standard(variant: str) -> None:
    (namespace,) = of_kind(variant, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@each_pod
def test_it_has_time_to_drain(variant: str, service: str) -> None:
    deployment = deployment_of(variant, service)
    variables = environment(variant, service)
    sleep_s = container(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain_s = float(variables["STAMP2VEC_DRAIN_DELAY_S"]) + float(variables["STAMP2VEC_GRACE_S"])
    assert sleep_s + drain_s + MARGIN_S <= pod(deployment)["terminationGracePeriodSeconds"]


@each_pod
def test_a_roll_out_or_drain_takes_no_replica_away_first(variant: str, service: str) -> None:
    spec = deployment_of(variant, service)["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    budget = named(variant, "PodDisruptionBudget", service)["spec"]
    assert budget["maxUnavailable"] >= 1, "a drain would be blocked"
    assert "minAvailable" not in budget
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@each_pod
def test_replicas_are_spread_over_zones_and_hosts(variant: str, service: str) -> None:
    constraints = pod(deployment_of(variant, service))["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in constraints] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    for each in constraints:
        # The API server refuses a key that is in both.
        assert set(each["matchLabelKeys"]).isdisjoint(each["labelSelector"]["matchLabels"])


@each_pod
def test_memory_is_reserved_and_cpu_is_not_capped(variant: str, service: str) -> None:
    resources = container(deployment_of(variant, service))["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert "cpu" in resources["requests"]
    assert "cpu" not in resources["limits"]


@each_pod
def test_threads_follow_the_cpu_request(variant: str, service: str) -> None:
    deployment, variables = deployment_of(variant, service), environment(variant, service)
    cores = quantity(container(deployment)["resources"]["requests"]["cpu"])
    if service == "gateway":
        assert float(variables["STAMP2VEC_WORKER_THREADS"]) == float(variables["STAMP2VEC_DECODERS"]) == cores
    elif service in MODELS and variables.get("STAMP2VEC_DEVICE") != "cuda":
        assert float(variables["STAMP2VEC_EXECUTORS"]) * float(variables.get("STAMP2VEC_THREADS", "1")) == cores


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_gateway_has_memory_for_what_it_may_hold(variant: str) -> None:
    variables, defaults = environment(variant, "gateway"), GatewaySettings()
    held = sum(
        int(variables.get(f"STAMP2VEC_{name.upper()}", getattr(defaults, name))) for name in ("message_mib", "page_mib")
    )
    memory = quantity(container(deployment_of(variant, "gateway"))["resources"]["limits"]["memory"])
    assert (held + GATEWAY_MIB) * 2**20 <= memory


@pytest.mark.parametrize("variant", OVERLAYS)
def test_images_are_fixed_by_digest(variant: str) -> None:
    for service in SERVICES:
        image = container(deployment_of(variant, service))["image"]
        if variant == "local":
            assert image == f"localhost/stamp2vec/{service}:latest"
        else:
            assert re.fullmatch(r"[a-z0-9./-]+@sha256:[0-9a-f]{64}", image)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("components", "resource"),
    [(("gpu",), "nvidia.com/gpu"), (("gpu", "gpu-timeslice"), "nvidia.com/gpu.shared")],
    ids=["gpu", "gpu-timeslice"],
)
def test_only_model_services_request_gpus(components: tuple[str, ...], resource: str, service: str) -> None:
    (deployment,) = (
        each for each in base_with(*components) if (each["kind"], each["metadata"]["name"]) == ("Deployment", service)
    )
    spec, limits = pod(deployment), container(deployment)["resources"]["limits"]
    if service == "gateway":
        assert limits.keys() == {"memory"}
        assert spec.keys().isdisjoint({"tolerations", "nodeSelector"})
        return
    assert limits.keys() == {"memory", resource}
    assert limits[resource] == "1"
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert {"name": "STAMP2VEC_EXECUTORS", "value": "1"} in container(deployment)["env"]


@pytest.mark.parametrize("service", MODELS)
def test_models_from_a_volume_cannot_be_changed_by_the_pod(service: str) -> None:
    deployment = deployment_of("base+model-pvc", service)
    (mount,) = (each for each in container(deployment)["volumeMounts"] if each["name"] == "models")
    (volume,) = (each for each in pod(deployment)["volumes"] if each["name"] == "models")
    assert mount["readOnly"] is True
    assert volume["persistentVolumeClaim"]["readOnly"] is True
    assert environment("base+model-pvc", service)["STAMP2VEC_MODEL"].startswith(mount["mountPath"] + "/")


@pytest.mark.parametrize("service", SERVICES)
def test_on_the_network_of_a_host_only_that_host_reaches_it(service: str) -> None:
    assert environment("local", service)["STAMP2VEC_HOST"] == "127.0.0.1"
