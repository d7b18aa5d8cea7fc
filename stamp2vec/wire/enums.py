"""Enums of the contract <-> enums of the library, whose members have the same names."""

from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from stamp2vec.strips import Reading
from stamp2vec.texts import Script
from stamp2vec.v1 import common_pb2, gateway_pb2
from stamp2vec.values import InkColour, Outcome, Preset, Source, StampType, Task, Verdict, Views

Value = TypeVar("Value", bound=Enum)
Number = TypeVar("Number", bound=int)


class EnumCodec(Generic[Value, Number]):
    """One enum. ValueError, when it is made, where the contract lacks a member of the library's enum."""

    def __init__(self, values: type[Value], prefix: str, number: Callable[[str], Number]) -> None:
        """`number` maps a name of the contract, such as `PRESET_FAST`, to its number."""
        self._numbers = {value: number(f"{prefix}_{value.name}") for value in values}
        self._values = {int(number): value for value, number in self._numbers.items()}

    def to_number(self, value: Value) -> Number:
        """The contract's number."""
        return self._numbers[value]

    def from_number(self, number: int) -> Value | None:
        """None for UNSPECIFIED and for a number that is not known."""
        return self._values.get(number)


TASKS = EnumCodec(Task, "TASK", common_pb2.Task.Value)
PRESETS = EnumCodec(Preset, "PRESET", common_pb2.Preset.Value)
VIEWS = EnumCodec(Views, "VIEWS", common_pb2.Views.Value)
STAMP_TYPES = EnumCodec(StampType, "STAMP_TYPE", common_pb2.StampType.Value)
SOURCES = EnumCodec(Source, "STAMP_SOURCE", gateway_pb2.StampSource.Value)
SCRIPTS = EnumCodec(Script, "SCRIPT", common_pb2.Script.Value)
INK_COLOURS = EnumCodec(InkColour, "INK_COLOUR", common_pb2.InkColour.Value)
READINGS = EnumCodec(Reading, "RING_READING", gateway_pb2.RingReading.Value)
VERDICTS = EnumCodec(Verdict, "VERDICT", gateway_pb2.Verdict.Value)
OUTCOMES = EnumCodec(Outcome, "ERASE_OUTCOME", gateway_pb2.EraseOutcome.Value)
