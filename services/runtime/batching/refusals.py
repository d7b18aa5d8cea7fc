"""Why an item gets no result. Each text is for the caller and names the next step."""

SHUTTING_DOWN = "this server is shutting down: send the call again, another one will take it"


class Refusal(Exception):
    """The base of them all."""


class QueueFull(Refusal):
    """More waits than may wait."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(
            f"the queue is full: send the call again in about {retry_after_s:.2f} s, or send fewer at a time"
        )
        self.retry_after_s = retry_after_s


class HopelessDeadline(Refusal):
    """The queue is longer than the caller is ready to wait."""

    def __init__(self, wait_s: float, remaining_s: float, work_s: float = 0.0) -> None:
        work = f", the work then {work_s:.2f} s," if work_s else ""
        super().__init__(
            f"the wait is about {wait_s:.2f} s{work} and the call's deadline is in {remaining_s:.2f} s: "
            f"send it again in about {wait_s:.2f} s, or with a longer deadline"
        )
        self.retry_after_s = wait_s


class NotServing(Refusal):
    """This process takes no work now: it starts, it ends, or its model has no executor left."""


class DeadlinePassed(Refusal):
    """The deadline came while the item waited."""

    def __init__(self) -> None:
        super().__init__("the deadline passed while the call waited in the queue: send it with a longer one")


class PoisonItem(Refusal):
    """The model fails on this very item, alone as well as among others."""

    def __init__(self, reason: str) -> None:
        super().__init__("the model failed on this item: do not send it again, report it with the request id")
        self.reason = reason
        """The executor's error text: for the log, not for the caller."""
