"""What strips and stamps say."""

import dataclasses

from stamp2vec.texts import Reading, Script, StampText, StripReadings, TextArc, TextDate, TextLine, TextNumber
from stamp2vec.v1 import common_pb2, gateway_pb2, reader_pb2
from stamp2vec.wire.enums import SCRIPTS
from stamp2vec.wire.errors import warnings_to_message
from stamp2vec.wire.images import box_from_message, box_to_message


def readings_to_message(strip: StripReadings) -> reader_pb2.ReadResult:
    """The pieces of one strip."""
    readings = [
        reader_pb2.Reading(
            box=box_to_message(each.box),
            text=each.text,
            script=script_to_number(each.script),
            confidence=each.confidence,
            upside_down=each.upside_down,
            engine=each.engine,
            score=each.score,
        )
        for each in strip.readings
    ]
    return reader_pb2.ReadResult(status=warnings_to_message(strip.warnings), readings=readings)


def readings_from_message(message: reader_pb2.ReadResult) -> StripReadings:
    """The pieces of one strip."""
    readings = []
    for each in message.readings:
        x1, y1, x2, y2 = map(round, box_from_message(each.box))
        script = script_from_number(each.script)
        box = (x1, y1, x2, y2)
        readings.append(Reading(box, each.text, script, each.confidence, each.score, each.upside_down, each.engine))
    return StripReadings(tuple(readings), tuple(message.status.warnings))


def text_to_message(text: StampText) -> gateway_pb2.StampText:
    """What a stamp says."""
    return gateway_pb2.StampText(
        lines=[
            gateway_pb2.TextLine(
                text=line.text,
                script=script_to_number(line.script),
                confidence=line.confidence,
                box=box_to_message(line.box),
                arc=None if line.arc is None else gateway_pb2.TextArc(**dataclasses.asdict(line.arc)),
                doubtful=line.doubtful,
            )
            for line in text.lines
        ],
        dates=[gateway_pb2.TextDate(**dataclasses.asdict(each)) for each in text.dates],
        numbers=[gateway_pb2.TextNumber(**dataclasses.asdict(each)) for each in text.numbers],
        words=text.words,
        warnings=text.warnings,
    )


def text_from_message(message: gateway_pb2.StampText) -> StampText:
    """What a stamp says."""
    return StampText(
        lines=tuple(
            TextLine(
                line.text,
                script_from_number(line.script),
                line.confidence,
                box_from_message(line.box),
                _arc(line.arc) if line.HasField("arc") else None,
                line.doubtful,
            )
            for line in message.lines
        ),
        dates=tuple(TextDate(each.iso, each.text, each.line, each.confidence, each.doubtful) for each in message.dates),
        numbers=tuple(
            TextNumber(each.digits, each.text, each.line, each.confidence, each.doubtful) for each in message.numbers
        ),
        words=tuple(message.words),
        warnings=tuple(message.warnings),
    )


def _arc(message: gateway_pb2.TextArc) -> TextArc:
    edges = message.inner_radius, message.outer_radius
    return TextArc(message.start_degrees, message.end_degrees, message.inward, *edges)


def script_to_number(script: Script | None) -> "common_pb2.Script.ValueType":
    """Unspecified for digits and signs alone."""
    return common_pb2.SCRIPT_UNSPECIFIED if script is None else SCRIPTS.to_number(script)


def script_from_number(number: int) -> Script | None:
    """A number that a newer service adds is a script that is not known here."""
    return None if number == common_pb2.SCRIPT_UNSPECIFIED else SCRIPTS.from_number(number) or Script.OTHER
