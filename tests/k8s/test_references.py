"""Whatever a manifest names exists: in the manifests, or in the code."""

import dataclasses
import json
import re

import pytest

from services.runtime.serving import settings
from services.runtime.serving.server import LIVENESS, STARTUP
from tests.k8s.code import SETTINGS, UPSTREAMS, contract, default, methods, variables
from tests.k8s.manifests import (
    OPTIONAL,
    ROOT,
    SERVICES,
    VARIANTS,
    Resource,
    container,
    environment,
    named,
    of_kind,
    pod,
    resources,
    selects,
    values_of,
)

pytestmark = pytest.mark.parametrize("variant", VARIANTS)


def test_there_is_a_deployment_of_each_service(variant: str) -> None:
    assert {each["metadata"]["name"] for each in of_kind(variant, "Deployment")} == {
        *SERVICES,
        *OPTIONAL.get(variant, ()),
    }


def test_selectors_match_the_pods_of_their_service(variant: str) -> None:
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"] for each in _deployments(variant)
    }
    for kind in ("Deployment", "PodDisruptionBudget", "Service"):
        for resource in of_kind(variant, kind):
            selector = resource["spec"]["selector"]
            selector = {"matchLabels": selector} if kind == "Service" else selector
            means = {name for name, each in labels.items() if selects(selector, each)}
            assert means == {resource["metadata"]["name"].removesuffix("-headless")}
    for deployment in _deployments(variant):
        for constraint in pod(deployment)["topologySpreadConstraints"]:
            assert selects(constraint["labelSelector"], labels[deployment["metadata"]["name"]])
    for resource in resources(variant):
        if resource["kind"] not in {"NetworkPolicy", "PodMonitor", "PeerAuthentication", "AuthorizationPolicy"}:
            continue
        for key in ("podSelector", "selector"):
            for selector in values_of(key, resource["spec"]):
                others = {"kube-dns", "prometheus", "opentelemetry-collector"} & set(
                    selector.get("matchLabels", {}).values()
                )
                assert others or any(selects(selector, each) for each in labels.values()), selector


def test_ports_are_those_that_the_services_open(variant: str) -> None:
    for deployment in _deployments(variant):
        name = deployment["metadata"]["name"]
        if variant == "local":
            assert "ports" not in container(deployment)  # all are on the host's network
            continue
        ports = {port["name"]: port["containerPort"] for port in container(deployment)["ports"]}
        protocol = _protocol(name)
        health = environment(variant, name).get("STAMP2VEC_HEALTH_PORT")
        expected = {protocol: default(name, "port"), "metrics": default(name, "metrics_port")}
        assert ports == expected | ({"health": int(health)} if health else {})
        assert {"STAMP2VEC_PORT", "STAMP2VEC_METRICS_PORT"}.isdisjoint(environment(variant, name))
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if protocol == "grpc":
                assert container(deployment)[probe]["grpc"]["port"] == ports.get("health", ports["grpc"])
            else:
                assert container(deployment)[probe]["httpGet"]["port"] == ("health" if health else "http")
    for service in of_kind(variant, "Service"):
        name = service["metadata"]["name"].removesuffix("-headless")
        (port,) = service["spec"]["ports"]
        assert (port["port"], port["targetPort"]) == (default(name, "port"), _protocol(name))
    for reference in values_of("backendRefs", list(resources(variant))):
        for backend in reference:
            (port,) = named(variant, "Service", backend["name"])["spec"]["ports"]
            assert backend["port"] == port["port"]
    services = (*SERVICES, "web", "reader")
    opened = {default(name, kind) for name in services for kind in ("port", "metrics_port")}
    for policy in of_kind(variant, "AuthorizationPolicy"):
        for each in values_of("ports", policy):
            assert set(map(int, each)) <= opened
    for policy in of_kind(variant, "PeerAuthentication"):
        metrics = {str(default(name, "metrics_port")) for name in services}
        assert policy["spec"]["portLevelMtls"].keys() == metrics


def test_probes_call_three_health_services(variant: str) -> None:
    for deployment in _deployments(variant):
        if _protocol(deployment["metadata"]["name"]) != "grpc":
            continue
        asked = [
            container(deployment)[f"{kind}Probe"]["grpc"]["service"] for kind in ("startup", "readiness", "liveness")
        ]
        assert asked == [STARTUP, contract(deployment["metadata"]["name"]).full_name, LIVENESS]


def test_the_environment_is_what_the_service_reads(variant: str) -> None:
    for service in (*SERVICES, *OPTIONAL.get(variant, ())):
        found = environment(variant, service)
        assert found.keys() <= variables(service)
        loaded = settings.load(SETTINGS[service], service, [], found)  # exits on an invalid value
        assert dataclasses.asdict(loaded) != dataclasses.asdict(SETTINGS[service]())


def test_everything_is_in_the_namespace(variant: str) -> None:
    """Without one it would go where kubectl happens to be: a policy that denies all would protect nobody, or others."""
    namespaces = [each["metadata"]["name"] for each in of_kind(variant, "Namespace")]
    (name,) = namespaces or ["stamp2vec"]
    for resource in resources(variant):
        expected = None if resource["kind"] == "Namespace" else name
        assert resource["metadata"].get("namespace") == expected, (resource["kind"], resource["metadata"]["name"])


def test_every_config_map_is_used(variant: str) -> None:
    used = {source["configMapRef"]["name"] for each in _deployments(variant) for source in container(each)["envFrom"]}
    for config in of_kind(variant, "ConfigMap"):
        is_dashboard = "grafana_dashboard" in config["metadata"].get("labels", {})
        assert config["metadata"]["name"] in used or is_dashboard


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_the_gateway_calls_headless_services(variant: str, upstream: str) -> None:
    address = environment(variant, "gateway")[f"STAMP2VEC_{upstream.upper()}"]
    port = default(upstream, "port")
    if variant == "local":
        assert address == f"127.0.0.1:{port}"
        return
    assert address == f"dns:///{upstream}:{port}"
    assert named(variant, "Service", upstream)["spec"]["clusterIP"] == "None"


def test_accounts_volumes_and_scale_targets_exist(variant: str) -> None:
    for deployment in _deployments(variant):
        named(variant, "ServiceAccount", pod(deployment)["serviceAccountName"])
        volumes = {volume["name"] for volume in pod(deployment)["volumes"]}
        assert volumes == {mount["name"] for mount in container(deployment)["volumeMounts"]}
        for claim in values_of("claimName", deployment):
            named(variant, "PersistentVolumeClaim", claim)
    made = set(values_of("secretName", of_kind(variant, "Certificate")))
    assert set(values_of("secretName", _deployments(variant))) <= made
    for reference in values_of("issuerRef", list(resources(variant))):
        named(variant, reference["kind"], reference["name"])
    for target in values_of("scaleTargetRef", list(resources(variant))):
        named(variant, target.get("kind", "Deployment"), target["name"])
    for principals in values_of("principals", list(resources(variant))):
        for principal in principals:
            if principal != "*":
                _, namespace, account = re.fullmatch(r"(cluster.local)/ns/(.+)/sa/(.+)", principal).groups()  # type: ignore[union-attr]
                assert named(variant, "ServiceAccount", account)["metadata"]["namespace"] == namespace


def test_methods_are_those_of_the_contract(variant: str) -> None:
    known = methods()
    text = json.dumps([each for each in resources(variant) if each["kind"] != "ConfigMap"])
    mentioned = set(re.findall(r"/?(?:stamp2vec\.v1|grpc\.health\.v1)\.\w+(?:/(?:\w+|\*|\.\*))?", text))
    assert mentioned
    for each in mentioned:
        service, _, method = each.strip("/").partition("/")
        possible = {name.rpartition("/")[2] for name in known if name.startswith(f"/{service}/")}
        assert possible, each
        assert method in {"", "*", ".*", *possible}, each


def test_images_are_targets_of_the_dockerfile(variant: str) -> None:
    targets = set(re.findall(r"^FROM .+ AS (\w+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    for deployment in _deployments(variant):
        name = deployment["metadata"]["name"]
        assert name in targets
        assert re.search(rf"/{name}(-cuda)?(@|:|$)", container(deployment)["image"])


def test_there_are_no_secrets_but_references(variant: str) -> None:
    assert of_kind(variant, "Secret") == []
    for deployment in _deployments(variant):
        for variable in container(deployment)["env"]:
            assert not re.search("PASSWORD|TOKEN|SECRET|KEY", variable["name"])


def _protocol(service: str) -> str:
    return "http" if service == "web" else "grpc"


def _deployments(variant: str) -> list[Resource]:
    return of_kind(variant, "Deployment")
