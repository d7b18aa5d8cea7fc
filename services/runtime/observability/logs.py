"""Structured logs: one JSON object a line on stderr, each with the id of the request that it belongs to."""

import json
import logging
import sys
import warnings
from collections.abc import Mapping
from contextvars import ContextVar

from opentelemetry import trace

_WARNINGS = "py.warnings"  # the logger of logging.captureWarnings

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that the current task works for; empty outside of requests."""


caller: ContextVar[str] = ContextVar("caller", default="")
"""The name of the token that the current call came with; empty without tokens."""


class JsonFormatter(logging.Formatter):
    """Time, level, logger, event, request id and caller; then the fields given as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, object] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.name == _WARNINGS:
            line |= {"event": "python_warning", "text": record.getMessage()}
        if request := request_id.get():
            line["request_id"] = request
        if name := caller.get():
            line["caller"] = name
        if (span := trace.get_current_span().get_span_context()).is_valid:
            line["trace_id"] = trace.format_trace_id(span.trace_id)
        fields = getattr(record, "fields", {})
        if isinstance(fields, Mapping):
            line |= fields
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str) -> None:
    """Sends the logs of this process to stderr; `level` is debug, info, warning or error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # As of Pillow about a damaged file; Python's own text begins with the path of the library that warns.
    warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}"
    logging.captureWarnings(True)
