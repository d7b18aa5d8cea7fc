"""Readings as an array of bytes, since that is what models give."""

import dataclasses
import json

import numpy as np
from numpy.typing import NDArray

from stamp2vec.texts import Reading, Script, StripReadings


def readings_to_array(strip: StripReadings) -> NDArray[np.uint8]:
    """UTF-8 JSON, uint8 (n,)."""
    text = json.dumps(dataclasses.asdict(strip), ensure_ascii=False)
    return np.frombuffer(text.encode(), np.uint8)


def readings_from_array(data: NDArray[np.uint8]) -> StripReadings:
    """What `readings_to_array` was given."""
    values = json.loads(data.tobytes())
    return StripReadings(tuple(map(_reading, values["readings"])), tuple(values["warnings"]))


def _reading(values: dict[str, object]) -> Reading:
    script = values["script"]
    fields = values | {"box": tuple(values["box"]), "script": None if script is None else Script(script)}  # type: ignore[arg-type]
    return Reading(**fields)  # type: ignore[arg-type]
