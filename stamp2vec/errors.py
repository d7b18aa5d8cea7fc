"""Every error that the library raises on purpose; its text has the form `what is wrong: what to do next`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc


class DamagedImageWarning(UserWarning):
    """A picture could be read in part only: what is said of it is said of that part."""


class Stamp2vecError(Exception):
    """The base of them all."""


class InvalidInput(Stamp2vecError):
    """The caller sent something that cannot be worked with."""

    def __init__(self, message: str, field: str = "") -> None:
        """`field` is the path of the value at fault, for example `images[2].encoded`; empty when unknown."""
        super().__init__(message)
        self.field = field


class UnreadableFile(InvalidInput, OSError):
    """There is no file at a path, or none that may be read."""

    def __init__(self, path: object, cause: Exception, field: str = "") -> None:
        reason = getattr(cause, "strerror", None) or cause
        super().__init__(f"{path} cannot be read ({reason}): name a file that can", field)


class InvalidImage(InvalidInput):
    """Bytes or pixels that are no usable picture: not an image, cut short, too large, empty."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A field at fault, for example `images[2].encoded`, and what is wrong with it."""

    field: str
    description: str


class InvalidCall(InvalidInput):
    """Several fields of a call are at fault."""

    def __init__(self, errors: Sequence[InvalidInput]) -> None:
        super().__init__("; ".join(dict.fromkeys(map(str, errors))), errors[0].field)
        self.violations = tuple(Violation(error.field, str(error)) for error in errors)


class IncompatibleVectors(InvalidInput):
    """Vectors of different models, or of different versions of one: they mean different things."""


class ModelNotFound(Stamp2vecError):
    """No model has this name, version or preset."""


class WeightsError(Stamp2vecError):
    """A model's files are missing, damaged, of a forbidden format, or do not fit its architecture."""


class MissingExtra(Stamp2vecError, ImportError):
    """Packages that this part of the library needs are not installed."""

    def __init__(self, part: str, extra: str, cause: ImportError) -> None:
        """`part` needs the extra: both are named in the text, and the package that could not be imported."""
        super().__init__(f"{part} needs the extra {extra!r} ({cause}): pip install 'stamp2vec[{extra}]'")
        self.extra = extra


class ServiceError(Stamp2vecError):
    """A gateway could not answer. `retry_after_s` is how long it asked to wait before another try."""

    def __init__(
        self, message: str, code: "grpc.StatusCode", retry_after_s: float | None = None, request_id: str = ""
    ) -> None:
        """`request_id` names the call in the logs of the services; empty when no service saw it."""
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s
        self.request_id = request_id


class Unavailable(ServiceError):
    """No gateway is there, or one that is starting or shutting down: the call may be sent again."""


class Overloaded(ServiceError):
    """A queue is full: the call may be sent again after `retry_after_s`."""


class DeadlineExceeded(ServiceError):
    """The answer did not come in time."""


class Unauthenticated(ServiceError):
    """There is no token, or a wrong one."""


class PermissionDenied(ServiceError):
    """The token does not allow the call."""


class NotEnabled(ServiceError):
    """The call needs a part that is not deployed."""
