"""Two results of one document held equal, field by field: a field that no rule names is a failure."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from stamp2vec.strips import Ellipse, Line, Ring, Strip
from stamp2vec.texts import StampText, TextArc, TextDate, TextLine, TextNumber
from stamp2vec.values import (
    Comparison,
    DocumentResult,
    ErasedDocument,
    ErasedPage,
    ErasedStamp,
    ModelInfo,
    Overlay,
    PageResult,
    Resolution,
    Stamp,
    Timing,
)

Rule = Callable[[Any, Any], None]


def same(ours: Any, theirs: Any) -> None:
    assert ours == theirs


def within(tolerance: float) -> Rule:
    """Numbers, and arrays of one shape; None only with None."""

    def rule(ours: Any, theirs: Any) -> None:
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert np.shape(ours) == np.shape(theirs)
            np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=1e-4, atol=tolerance)

    return rule


def each(ours: Any, theirs: Any) -> None:
    """Sequences of values that have rules of their own."""
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        hold_equal(one, other)


def one(ours: Any, theirs: Any) -> None:
    """A value that has rules of its own, or None on both sides."""
    assert (ours is None) == (theirs is None)
    if ours is not None:
        hold_equal(ours, theirs)


def same_error(ours: Any, theirs: Any) -> None:
    """Of one class, with one text, about one field."""
    assert type(ours) is type(theirs)
    assert str(ours) == str(theirs)
    assert getattr(ours, "field", "") == getattr(theirs, "field", "")


def own(ours: Any, theirs: Any) -> None:
    """Each side has its own: how long it took, and the name of its call."""


def not_negative(ours: Any, theirs: Any) -> None:
    assert min(ours, theirs) >= 0


RULES: Mapping[type, Mapping[str, Rule]] = {
    DocumentResult: {
        "pages": each,
        "similarity": within(1e-4),
        "probability": within(1e-3),  # of ink too: a level of 255 at a place, as of a mask
        "prior": same,
        "models": each,
        "timing": one,
        "request_id": own,
        "warnings": same,
        "page_count": same,
    },
    PageResult: {
        "index": same,
        "height": same,
        "width": same,
        "stamps": each,
        "error": same_error,
        "resolution": one,
        "label": same,
        "warnings": same,
        "erased": within(2.0),  # a level of a mask may change a pixel a little
    },
    ErasedDocument: {
        "data": own,  # of masks that differ by a level
        "media_type": same,
        "pages": each,
        "models": each,
        "timing": one,
        "request_id": own,
        "warnings": same,
        "page_count": same,
    },
    ErasedPage: {
        "index": same,
        "height": same,
        "width": same,
        "stamps": each,
        "error": same_error,
        "label": same,
        "warnings": same,
    },
    ErasedStamp: {
        "box": within(1e-4),
        "score": within(1e-4),
        "type": same,
        "ink_colour": same,
        "source": same,
        "die_group": same,
        "outcome": same,
        "left": within(0.02),
        "reason": same,
    },
    Resolution: {"x": within(1e-3), "y": within(1e-3)},
    Stamp: {
        "box": within(1e-4),
        "score": within(1e-4),
        "type": same,
        "angle_degrees": within(0.05),
        "ink_colour": same,
        "crop_box": same,
        "vector": within(1e-4),
        "source": same,
        "box_points": within(1e-2),
        "width_mm": within(1e-3),
        "height_mm": within(1e-3),
        "mask": within(1.0),  # one level of 255 is what rounding may make of the tolerance of a logit
        "crop": within(0),
        "die_group": same,
        "text": one,
        "unrolled": each,
        "transparent": within(2.0),
        "ink": within(2.0),
    },
    StampText: {"lines": each, "dates": each, "numbers": each, "words": same, "warnings": same},
    TextLine: {
        "text": same,
        "script": same,
        "confidence": within(1e-3),
        "box": within(1.0),
        "arc": one,
        "doubtful": same,
    },
    TextArc: {
        "start_degrees": within(0.5),
        "end_degrees": within(0.5),
        "inward": same,
        "inner_radius": within(1e-2),
        "outer_radius": within(1e-2),
    },
    TextDate: {"iso": same, "text": same, "line": same, "confidence": within(1e-3), "doubtful": same},
    TextNumber: {"digits": same, "text": same, "line": same, "confidence": within(1e-3), "doubtful": same},
    Strip: {"pixels": within(2.0), "ink": within(2.0), "place": one},
    Ring: {
        "ellipse": one,
        "inner": within(1e-6),
        "outer": within(1e-6),
        "start_degrees": within(0.1),
        "span_degrees": same,
        "reading": same,
    },
    Ellipse: {field.name: within(0.05) for field in dataclasses.fields(Ellipse)},
    Line: {field.name: within(0.05) for field in dataclasses.fields(Line)},
    ModelInfo: {
        field.name: within(1e-6) if field.name == "threshold" else same for field in dataclasses.fields(ModelInfo)
    },
    Comparison: {
        "similarity": within(1e-4),
        "model": same,
        "version": same,
        "prior": same,
        "probability": within(1e-3),
        "verdict": same,
        "reason": same,
        "overlay": one,
    },
    Overlay: {
        "a_ink": within(1.0),
        "b_ink": within(1.0),
        "agrees": within(2.0),
        "contradicts": within(2.0),
        "correlation": within(1e-3),
        "missing_ink": within(1e-3),
        "added_ink": within(1e-3),
        "mirrored": same,
    },
    Timing: {field.name: not_negative for field in dataclasses.fields(Timing)},
}


def hold_equal(ours: Any, theirs: Any) -> None:
    """Fails where a rule of a field fails, and where a field has none."""
    assert type(ours) is type(theirs)
    rules = RULES[type(ours)]
    names = {field.name for field in dataclasses.fields(ours)}
    if unruled := names ^ set(rules):
        pytest.fail(f"{type(ours).__name__}: say how {', '.join(sorted(unruled))} is compared")
    for name, rule in rules.items():
        try:
            rule(getattr(ours, name), getattr(theirs, name))
        except AssertionError as error:
            error.add_note(f"{type(ours).__name__}.{name}")
            raise
