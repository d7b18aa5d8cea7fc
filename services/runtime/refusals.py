"""Why an item gets no result. Each text is for the caller and says what to do next."""


class Refusal(Exception):
    """The base of them all."""


class QueueFull(Refusal):
    """More waits than may wait."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(
            f"The queue is full. Send the call again in about {retry_after_s:.2f} s, or send fewer at a time."
        )
        self.retry_after_s = retry_after_s


class HopelessDeadline(Refusal):
    """The queue is longer than the caller is ready to wait."""

    def __init__(self, wait_s: float, remaining_s: float) -> None:
        super().__init__(
            f"The wait is about {wait_s:.2f} s and the call's deadline is in {remaining_s:.2f} s. "
            f"Send it again in about {wait_s:.2f} s, or with a longer deadline."
        )
        self.retry_after_s = wait_s


class NotServing(Refusal):
    """This process takes no work now: it starts, it ends, or its model has no executor left."""


class DeadlinePassed(Refusal):
    """The deadline came while the item waited."""

    def __init__(self) -> None:
        super().__init__("The deadline passed while the call waited in the queue. Send it with a longer deadline.")


class PoisonItem(Refusal):
    """The model fails on this very item, alone as well as among others."""

    def __init__(self, reason: str) -> None:
        super().__init__("The model failed on this item. Do not send it again; report it with the request's id.")
        self.reason = reason
        """What the executor said: for the log, not for the caller."""
