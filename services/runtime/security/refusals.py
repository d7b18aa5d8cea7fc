"""Why a caller is refused, whatever it asks for. Each text is for the caller and names the next step."""

from enum import Enum


class Reason(Enum):
    """For metrics."""

    NO_TOKEN = "no_token"  # noqa: S105 - a label
    WRONG_TOKEN = "wrong_token"  # noqa: S105 - a label
    NO_SCOPE = "no_scope"
    RATE = "rate"
    CONCURRENCY = "concurrency"
    PAGES = "pages"
    BYTES = "bytes"


class CallerRefused(Exception):
    """The base of them all."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class NotAuthenticated(CallerRefused):
    """No token came, or one that is not known."""


class NotPermitted(CallerRefused):
    """The token lacks the scope of the method."""


class LimitReached(CallerRefused):
    """The caller has had its share for now."""

    def __init__(self, reason: Reason, text: str, retry_after_s: float) -> None:
        super().__init__(reason, text)
        self.retry_after_s = retry_after_s
