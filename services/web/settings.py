"""The settings of the HTTP service."""

from dataclasses import dataclass

from services.runtime.serving.settings import ListenerSettings, setting
from stamp2vec.limits import DEFAULT_DEADLINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings(ListenerSettings):
    """HTTP before a gateway."""

    port: int = setting(8050, "HTTP port; 0 takes a free one and prints it.", at_least=0, at_most=65535)
    metrics_port: int = setting(9104, "Port of /metrics; 0 takes a free one and prints it.", at_least=0, at_most=65535)
    gateway: str = setting(
        "127.0.0.1:50050", "Address of the gateway. On Kubernetes a headless Service: calls are spread over all of it."
    )
    upstream_ca: str = setting(
        "", "PEM file of the authorities that issue the gateway's certificate: with it the gateway is called by TLS."
    )
    upstream_cert: str = setting(
        "", "PEM file of the certificate chain that is shown to the gateway, where it asks for one."
    )
    upstream_key: str = setting("", "PEM file of its private key. A change of these files makes new connections.")
    tokens: str = setting(
        "",
        "The gateway's file of tokens, by which callers are refused before their documents are read. Without it the "
        "gateway alone checks them. It is read again when it changes.",
    )
    timeout_s: float = setting(
        DEFAULT_DEADLINE_S,
        "Seconds that a call may take whose X-Timeout-S header is missing; raise it for long documents.",
        at_least=0.1,
        at_most=3600,
    )
    capacity: int = setting(
        128, "Calls at once; beyond it they are refused. Raise it with the capacity of the gateways behind.", at_least=1
    )
    max_body_mib: int = setting(
        64, "MiB of one request; up to 260 where the longest documents come as jobs.", at_least=1, at_most=512
    )
    body_mib: int = setting(
        256,
        "MiB of requests held at once over all calls; beyond it they are refused. The process takes about three times "
        "as much.",
        at_least=1,
    )
    jobs: int = setting(100, "Jobs that are kept, done ones included; beyond it more are refused.", at_least=1)
    caller_jobs: int = setting(
        0, "Jobs of one caller, by the name of its token, beyond which more are refused; 0 sets no limit.", at_least=0
    )
    job_mib: int = setting(
        256, "MiB of the documents and results of all jobs; raise it with the memory of the process.", at_least=1
    )
    job_lifetime_s: float = setting(
        3600.0, "Seconds that a job is kept once it is done; shorten it where results are fetched at once.", at_least=1
    )
    cors_origins: tuple[str, ...] = setting(
        (), "An origin whose pages may call from a browser, such as https://scans.example.com. Repeat it for several."
    )
    page: str = setting("on", "off serves no page at /, where programs alone call.", choices=("on", "off"))
    docs: str = setting("on", "off hides /docs and /openapi.json.", choices=("on", "off"))
    drain_delay_s: float = setting(
        0.0,
        "Seconds between /readyz failing and refusing calls. On Kubernetes set it to the time that a removed "
        "endpoint takes to reach all clients, about 5.",
        at_least=0,
    )
    grace_s: float = setting(
        30.0,
        "Seconds that calls in work have to finish at a shutdown, jobs have none; raise it with the timeouts.",
        at_least=0,
    )
