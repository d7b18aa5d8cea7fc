"""Comparisons of two stamps."""

from stamp2vec.v1 import gateway_pb2
from stamp2vec.values import Comparison, Embedding, Overlay, Verdict
from stamp2vec.wire.enums import VERDICTS
from stamp2vec.wire.images import Picture, image_to_message, mask_from_message, mask_to_message
from stamp2vec.wire.models import decimal, version_to_message
from stamp2vec.wire.stamps import embedding_to_message


def comparand_to_message(stamp: Picture | Embedding) -> gateway_pb2.Comparand:
    """One side of a comparison."""
    if isinstance(stamp, Embedding):
        return gateway_pb2.Comparand(vector=embedding_to_message(stamp))
    return gateway_pb2.Comparand(image=image_to_message(stamp))


def comparison_to_message(comparison: Comparison) -> gateway_pb2.CompareStampsResponse:
    """How alike two stamps are."""
    return gateway_pb2.CompareStampsResponse(
        similarity=comparison.similarity,
        model=version_to_message(comparison.model, comparison.version),
        probability=comparison.probability,
        verdict=VERDICTS.to_number(comparison.verdict),
        reason=comparison.reason,
        prior=comparison.prior,
        overlay=None if comparison.overlay is None else overlay_to_message(comparison.overlay),
    )


def comparison_from_message(message: gateway_pb2.CompareStampsResponse) -> Comparison:
    """How alike two stamps are; a verdict that a newer server adds becomes CANNOT_TELL."""
    return Comparison(
        similarity=message.similarity,
        model=message.model.name,
        version=message.model.version,
        prior=decimal(message.prior),
        probability=message.probability if message.HasField("probability") else None,
        verdict=VERDICTS.from_number(message.verdict) or Verdict.CANNOT_TELL,
        reason=message.reason,
        overlay=overlay_from_message(message.overlay) if message.HasField("overlay") else None,
    )


def overlay_to_message(overlay: Overlay) -> gateway_pb2.Overlay:
    """Two impressions in one frame."""
    return gateway_pb2.Overlay(
        correlation=overlay.correlation,
        missing_ink=overlay.missing_ink,
        added_ink=overlay.added_ink,
        a_ink=mask_to_message(overlay.a_ink),
        b_ink=mask_to_message(overlay.b_ink),
        agrees=mask_to_message(overlay.agrees),
        contradicts=mask_to_message(overlay.contradicts),
        mirrored=overlay.mirrored,
    )


def overlay_from_message(message: gateway_pb2.Overlay) -> Overlay:
    """Two impressions in one frame."""
    return Overlay(
        a_ink=mask_from_message(message.a_ink),
        b_ink=mask_from_message(message.b_ink),
        agrees=mask_from_message(message.agrees),
        contradicts=mask_from_message(message.contradicts),
        correlation=message.correlation,
        missing_ink=message.missing_ink,
        added_ink=message.added_ink,
        mirrored=message.mirrored,
    )
