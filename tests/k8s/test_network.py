"""Network policies allow the edges of the service graph, DNS, Prometheus and traces, and nothing else."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from opentelemetry.sdk.trace import TracerProvider

from tests.k8s.code import UPSTREAMS, contract, default
from tests.k8s.manifests import SERVICES, Resource, base_with, environment, named, of_kind, selects

VARIANT, TRACED = "base+web", "base+otel"
PODS = (*SERVICES, "web")
OUTSIDE = {
    "callers": ({"stamp2vec/caller": "true"}, {}),
    "dns": ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"}),
    "prometheus": ({"kubernetes.io/metadata.name": "monitoring"}, {"app.kubernetes.io/name": "prometheus"}),
    "collector": (
        {"kubernetes.io/metadata.name": "observability"},
        {"app.kubernetes.io/name": "opentelemetry-collector"},
    ),
    "strangers": ({"kubernetes.io/metadata.name": "elsewhere"}, {"app.kubernetes.io/name": "stamp2vec"}),
}
"""The labels of other namespaces and pods."""


def labels(service: str) -> Resource:
    found: Resource = named(VARIANT, "Deployment", service)["spec"]["template"]["metadata"]["labels"]
    return found


def peers(rule: list[Resource]) -> Iterator[str]:
    """The peers of a rule's `from` or `to`."""
    for peer in rule:
        assert "ipBlock" not in peer
        for name, (namespace, pod) in OUTSIDE.items():
            in_namespace = "namespaceSelector" in peer and selects(peer["namespaceSelector"], namespace)
            if in_namespace and selects(peer.get("podSelector", {}), pod):
                yield name
        if "namespaceSelector" not in peer:
            yield from (name for name in PODS if selects(peer["podSelector"], labels(name)))


def allowed(direction: str, variant: str = VARIANT) -> set[tuple[str, str, object]]:
    """(pod of the policy, peer, port); a rule with no peer or no port would allow all of them."""
    ends = {"ingress": "from", "egress": "to"}
    return {
        (name, peer, port["port"])
        for policy in of_kind(variant, "NetworkPolicy")
        for name in PODS
        if selects(policy["spec"]["podSelector"], labels(name))
        for rule in policy["spec"].get(direction, [])
        for peer in peers(rule[ends[direction]])
        for port in rule["ports"]
    }


def test_everything_else_is_denied() -> None:
    spec = named(VARIANT, "NetworkPolicy", "default-deny")["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_calls_and_scrapes_come_in() -> None:
    assert allowed("ingress") == {
        ("gateway", "callers", default("gateway", "port")),
        ("web", "callers", default("web", "port")),
        ("gateway", "web", default("gateway", "port")),
        *((name, "gateway", default(name, "port")) for name in UPSTREAMS),
        *((name, "prometheus", "metrics") for name in PODS),
    }


def test_only_the_gateway_and_http_call_out() -> None:
    assert allowed("egress") == {
        ("gateway", "dns", 53),
        ("web", "dns", 53),
        ("web", "gateway", default("gateway", "port")),
        *(("gateway", name, default(name, "port")) for name in UPSTREAMS),
    }


def test_traces_go_to_the_collector_and_open_nothing_else() -> None:
    assert allowed("ingress", TRACED) == allowed("ingress")
    added = allowed("egress", TRACED) - allowed("egress")
    assert added == {(name, "collector", 4317) for name in PODS} | {(name, "dns", 53) for name in UPSTREAMS}
    for name in PODS:
        isolated = [
            policy["spec"]["policyTypes"]
            for policy in of_kind(TRACED, "NetworkPolicy")
            if selects(policy["spec"]["podSelector"], labels(name)) and "egress" in policy["spec"]
        ]
        assert isolated == [["Ingress", "Egress"]]


def test_without_http_there_is_no_way_for_it() -> None:
    with_it = {each for each in allowed("ingress") if "web" not in each}
    assert allowed("ingress", "base+network-policy") == with_it | {("web", "prometheus", "metrics")}  # as of any pod


def test_where_nothing_is_isolated_tracing_isolates_nothing() -> None:
    assert [each for each in base_with("otel") if each["kind"] == "NetworkPolicy"] == []


@pytest.mark.parametrize("service", PODS)
def test_spans_are_sent_to_the_collector_that_policies_allow(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {name: value for name, value in environment(TRACED, service).items() if name.startswith("OTEL_")}
    assert variables["OTEL_SERVICE_NAME"] == service
    endpoint = urlsplit(variables["OTEL_EXPORTER_OTLP_ENDPOINT"])
    assert (endpoint.scheme, endpoint.hostname, endpoint.port) == (
        "http",
        "opentelemetry-collector.observability",
        4317,
    )
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert TracerProvider(shutdown_on_exit=False).sampler.get_description().startswith("ParentBased{root:TraceIdRatio")


@pytest.mark.parametrize("service", [*UPSTREAMS, "reader"])
def test_with_mutual_tls_only_the_gateway_may_call_a_model_service(service: str) -> None:
    (rule,) = named("base+reader-mtls", "AuthorizationPolicy", service)["spec"]["rules"]
    assert [each["source"]["principals"] for each in rule["from"]] == [["cluster.local/ns/stamp2vec/sa/gateway"]]
    (allowed_to,) = rule["to"]
    served = {f"/{contract(service).full_name}/{method.name}" for method in contract(service).methods}
    assert set(allowed_to["operation"]["paths"]) == {*served, "/grpc.health.v1.Health/*"}
    assert named("base+mtls", "PeerAuthentication", "stamp2vec")["spec"]["mtls"] == {"mode": "STRICT"}


def test_with_mutual_tls_http_is_for_the_mesh_and_its_metrics_for_prometheus() -> None:
    (rule,) = named("base+web-mtls", "AuthorizationPolicy", "web")["spec"]["rules"]
    assert [each["source"]["principals"] for each in rule["from"]] == [["*"]]
    assert [each["operation"] for each in rule["to"]] == [{"ports": [str(default("web", "port"))]}]
    pod = named("base+web-mtls", "Deployment", "web")["spec"]["template"]["metadata"]
    assert pod["labels"]["sidecar.istio.io/inject"] == "true"
    (metrics,) = named("base+web-mtls", "AuthorizationPolicy", "metrics")["spec"]["rules"]
    ports = [str(default(name, "metrics_port")) for name in (*SERVICES, "web", "reader")]
    assert metrics["to"][0]["operation"]["ports"] == ports
    assert list(named("base+web-mtls", "PeerAuthentication", "stamp2vec")["spec"]["portLevelMtls"]) == ports
