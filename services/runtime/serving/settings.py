"""One settings loader: a frozen dataclass whose every field is a flag and an environment variable.

`max_batch: int` is the flag `--max-batch` and the variable `STAMP2VEC_MAX_BATCH`; the flag wins. A field of type
`tuple[str, ...]` is a flag that may be repeated, and a variable whose values are parted by commas. A field of type
`Mapping[str, str]` is a flag and a variable for each of its keys, `{key}` in its description. A field `on: bool` is the
flags `--on` and `--no-on`, and a variable that is true or false.
"""

import argparse
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from services.runtime.security.tls import TlsFiles

S = TypeVar("S")

PREFIX = "STAMP2VEC_"


def setting(
    default: object,
    description: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    choices: Sequence[str] | None = None,
) -> Any:
    """A field of a settings dataclass; the description states when one would change it."""
    limits = {"at_least": at_least, "at_most": at_most, "choices": choices}
    make: dict[str, Any] = {"default_factory": default.copy} if isinstance(default, dict) else {"default": default}
    return dataclasses.field(**make, metadata={"default": default, "description": description, **limits})


@dataclass(frozen=True, slots=True)
class _Option:
    """One flag and one variable: a whole field, or the value that a mapping has for `key`."""

    field: str
    key: str | None
    kind: type
    many: bool
    default: object
    metadata: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.key or self.field

    @property
    def variable(self) -> str:
        return f"{PREFIX}{self.name.upper()}"


def variables(settings: type[Any]) -> set[str]:
    """The environment variables that `load` reads."""
    return {option.variable for option in _options(settings, {})}


def load(
    settings: type[S],
    program: str,
    arguments: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    defaults: Mapping[str, object] | None = None,
) -> S:
    """Reads the command line and the environment; a bad value ends the process with code 2 and a sentence.

    `defaults`, by field, take the place of those of the dataclass.
    """
    environment = os.environ if environment is None else environment
    options = list(_options(settings, defaults or {}))
    parser = argparse.ArgumentParser(prog=program, description=settings.__doc__)
    given: dict[str, object] = {option.name: option.default for option in options}
    for option in options:
        parse = _parser(option.kind, option.metadata)
        if option.variable in environment:
            text = environment[option.variable]
            try:
                parsed = tuple(parse(part.strip()) for part in (text.split(",") if option.many else [text]))
            except argparse.ArgumentTypeError as error:
                parser.error(f"environment variable {option.variable}: {error}")
            given[option.name] = parsed if option.many else parsed[0]
        description = option.metadata["description"].format(key=option.key)
        flag = f"--{option.name.replace('_', '-')}"
        text = f"{description} Default: {_shown(option.default)}. [{option.variable}]".replace("%", "%%")
        if option.kind is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
            continue
        parser.add_argument(
            flag,
            type=parse,
            action="append" if option.many else "store",
            default=argparse.SUPPRESS,
            metavar=option.name.rpartition("_")[2].upper(),
            help=text,
        )
    for name, value in vars(parser.parse_args(arguments)).items():
        given[name] = tuple(value) if isinstance(value, list) else value
    values: dict[str, Any] = {}
    for option in options:
        if option.key is None:
            values[option.field] = given[option.name]
        else:
            values.setdefault(option.field, {})[option.key] = given[option.name]
    return settings(**values)


def _options(settings: type[Any], defaults: Mapping[str, object]) -> Iterator[_Option]:
    hints = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        default = defaults.get(field.name, field.metadata["default"])
        many = hints[field.name] == tuple[str, ...]
        if isinstance(default, Mapping):
            for key, value in default.items():
                yield _Option(field.name, key, str, many=False, default=value, metadata=field.metadata)
        else:
            kind = str if many else hints[field.name]
            yield _Option(field.name, None, kind, many, default, field.metadata)


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return (",".join(default) if isinstance(default, tuple) else str(default)) or "none"


def _parser(kind: type, limits: Mapping[str, Any]) -> Callable[[str], object]:
    def parse(text: str) -> object:
        if kind is str:
            if limits["choices"] and text not in limits["choices"]:
                raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(limits['choices'])}")
            return text
        if kind is bool:
            if text not in ("true", "false"):
                raise argparse.ArgumentTypeError(f"{text!r} is not true or false")
            return text == "true"
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {'a whole' if kind is int else 'a'} number") from None
        if limits["at_least"] is not None and not value >= limits["at_least"]:
            raise argparse.ArgumentTypeError(f"{text} is less than {limits['at_least']}")
        if limits["at_most"] is not None and not value <= limits["at_most"]:
            raise argparse.ArgumentTypeError(f"{text} is more than {limits['at_most']}")
        return value

    return parse


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """Settings of every process that listens."""

    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0 in a container, where others must reach it.")
    health_port: int = setting(
        0,
        "Port of health and nothing else, without TLS: for probes that know none or show no certificate, as the "
        "kubelet's; 0 opens none.",
        at_least=0,
        at_most=65535,
    )
    tls_cert: str = setting("", "PEM file of the certificate chain: with it and the key the server speaks TLS only.")
    tls_key: str = setting("", "PEM file of the private key. A change of these files counts for new connections.")
    tls_client_ca: str = setting(
        "", "PEM file of authorities: clients must show a certificate that one of them has issued (mutual TLS)."
    )
    insecure: bool = setting(
        False,
        "Listen beyond loopback without TLS: where a mesh or a network policy decides who connects.",
    )
    log_level: str = setting(
        "info", "debug when chasing a bug, warning to save log space.", choices=("debug", "info", "warning", "error")
    )

    @property
    def tls_files(self) -> TlsFiles:
        """Of the server."""
        return TlsFiles("tls", self.tls_cert, self.tls_key, self.tls_client_ca, ca_flag="client-ca")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(ListenerSettings):
    """Settings of every process that speaks gRPC."""

    port: int = setting(0, "gRPC port; 0 takes a free one and prints it.", at_least=0, at_most=65535)
    metrics_port: int = setting(0, "Port of /metrics; 0 takes a free one and prints it.", at_least=0, at_most=65535)
    reflection: bool = setting(True, "Tell callers the methods by grpc.reflection; turn it off where strangers call.")
    drain_delay_s: float = setting(
        0.0,
        "Seconds between health saying NOT_SERVING and refusing calls. On Kubernetes set it to the time that a "
        "removed endpoint takes to reach all clients, about 5.",
        at_least=0,
    )
    grace_s: float = setting(
        30.0, "Seconds that calls in work have to finish at a shutdown; raise it with the deadlines.", at_least=0
    )
    max_connection_age_s: float = setting(
        300.0,
        "Seconds until a client is asked to connect anew, so that load spreads onto new replicas; raise it when "
        "connecting is dear.",
        at_least=1,
    )
    decoders: int = setting(
        1, "Processes that decode files; raise it where clients send files.", at_least=1, at_most=256
    )
    decode_timeout_s: float = setting(
        20.0,
        "Seconds that one page may take to decode, whoever sent it and however long its caller would wait: neither the "
        "size of a file nor its pixels bound that. Its decoder is then killed.",
        at_least=0.1,
    )
    decoder_mib: int = setting(
        1024, "MiB of memory that a decoder may take beside the page that it makes.", at_least=256
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServerSettings(ServerSettings):
    """Settings of every process that serves models; they hold for each of its models."""

    model: tuple[str, ...] = setting(
        (), "A model to serve: a name, name@version, a folder or a URL. Repeat it to serve several."
    )
    device: str = setting("cpu", "Where models run: cpu, cuda or cuda:1.")
    executors: int = setting(
        1, "Instances of each model, each a process: one a CPU core, or 1 to 2 a GPU.", at_least=1, at_most=256
    )
    threads: int = setting(
        1, "CPU threads of each executor; raise it only where one call alone must be fast.", at_least=1, at_most=256
    )
    slots: int = setting(
        1, "Batches an executor takes at once: 2 on a GPU, to copy the next while one runs.", at_least=1, at_most=4
    )
    max_batch: int = setting(
        4,
        "Largest batch that is tried; up to 64 on a GPU. A start measures 1, 2, 4 and so on for as long as an item "
        "gets cheaper, and larger batches are not formed: see stamp2vec_best_batch_size in /metrics.",
        at_least=1,
        at_most=64,
    )
    max_delay_ms: float = setting(
        0.0, "How long an idle executor waits for a fuller batch: more throughput for more latency.", at_least=0
    )
    capacity: int = setting(
        256,
        "Items that may wait, for each model; beyond it calls are refused. About the items a second times the "
        "longest bearable wait. At least 128: two calls of 64 items.",
        at_least=128,
    )
    prepare_threads: int = setting(
        2, "Threads that resize; raise it where clients send pixels of other sizes.", at_least=1, at_most=256
    )
    stuck_after_s: float = setting(
        20.0,
        "A batch that runs longer than this, and than 20 of the slowest size measured, has hung: its executor is "
        "killed and started anew. Lower it where cores are never short: a starved executor looks like one that hangs.",
        at_least=0.1,
    )
