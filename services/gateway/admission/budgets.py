"""What the calls of the gateway take of its memory."""

from dataclasses import dataclass

from services.runtime.serving.byte_budget import ByteBudget


@dataclass(frozen=True, slots=True)
class Budgets:
    """What calls hold in memory: the bytes of requests and responses, and those of pages.

    They are two, as a request waits for room for its pages, and must not wait for those who do the same.
    """

    messages: ByteBudget
    pages: ByteBudget
