"""The settings of the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.runtime.serving.settings import ServerSettings, setting
from services.table import MODEL_SERVICES


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings(ServerSettings):
    """The gateway: decodes documents and sends their pages and crops through the model services."""

    port: int = setting(50050, "gRPC port; 0 takes a free one and prints it.", at_least=0, at_most=65535)
    metrics_port: int = setting(9100, "Port of /metrics; 0 takes a free one and prints it.", at_least=0, at_most=65535)
    upstreams: Mapping[str, str] = setting(
        {spec.name: "" if spec.extra is not None else f"127.0.0.1:{spec.port}" for spec in MODEL_SERVICES},
        "Address of the {key}s. On Kubernetes a headless Service: calls are spread over all that its name resolves to. "
        "Without one there are none.",
    )
    upstream_ca: str = setting(
        "", "PEM file of the authorities that issue the model services' certificates: with it they are called by TLS."
    )
    upstream_cert: str = setting(
        "", "PEM file of the certificate chain that is shown to the model services, where they ask for one."
    )
    upstream_key: str = setting("", "PEM file of its private key. A change of these files makes new connections.")
    tokens: str = setting(
        "",
        "File of the tokens that callers must send, a line each: NAME SHA256 SCOPE,SCOPE. Without it everybody may "
        "call who can connect. It is read again when it changes.",
    )
    caller_rate: float = setting(
        0.0,
        "Calls a second of one caller, by the name of its token, or by its address without tokens; beyond it calls are "
        "refused. 0 sets no limit.",
        at_least=0,
    )
    caller_burst: int = setting(
        10,
        "Calls that one caller may make at once before its rate counts; raise it where callers work in bursts.",
        at_least=1,
    )
    caller_calls: int = setting(
        0, "Calls of one caller in work at once, beyond which more are refused; 0 sets no limit.", at_least=0
    )
    caller_pages: int = setting(
        0,
        "Pages of documents and pictures to detect on, a minute of one caller, beyond which it is refused; 0 sets no "
        "limit. One document may go beyond, and then its caller waits longer.",
        at_least=0,
    )
    caller_mib: int = setting(
        0, "MiB of requests a minute of one caller, likewise; 0 sets no limit.", at_least=0, at_most=2**20
    )
    worker_threads: int = setting(
        2, "Threads that resize, cut and compare: as many as the process has CPU cores.", at_least=1, at_most=256
    )
    decoders: int = setting(
        2, "Processes that decode files: as many as the process has CPU cores.", at_least=1, at_most=256
    )
    capacity: int = setting(
        64,
        "Documents and other calls in work at once; beyond it calls are refused. Raise it with the CPU cores and "
        "the model services behind.",
        at_least=1,
    )
    message_mib: int = setting(
        384,
        "MiB of requests and responses held at once over all calls; beyond it their senders wait, or are told to. "
        "Raise it where memory is plenty and files are large.",
        at_least=344,  # bulk has three quarters of it, in which the largest file has room
    )
    page_mib: int = setting(
        768,
        "MiB of decoded pages held at once over all calls; documents wait for room. Raise it where memory is plenty "
        "and pages are large. A page of 80 million pixels takes 573 while it is decoded.",
        at_least=764,  # bulk has three quarters of it, in which the largest page has room
    )
