"""One page that comes as files of many kinds: the same stamps, in the same places, from the library and the gateway."""

from functools import cache

import pytest

from bench.document_kinds import Kind, Loss, analyze, compare, kinds, stamps_as_annotations
from stamp2vec.client import Client
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import DocumentResult, Preset
from tests.e2e.live import TIMEOUT_S, Running
from tests.parity import hold_equal

STAMPS = 4  # of the sample page

# By how many pixels an edge of a box, and by how much a similarity may differ. The fast detector sees a pixel for
# four of the page's, and the fast embedder sees another ink in grey.
FARTHEST_PX = {
    Preset.FAST: {Loss.NOTHING: 0.01, Loss.PIXELS: 5.0, Loss.COLOUR: 5.0, Loss.PLACE: 8.0},
    Preset.ACCURATE: {Loss.NOTHING: 0.01, Loss.PIXELS: 2.0, Loss.COLOUR: 2.0, Loss.PLACE: 4.0},
}
SIMILARITY = {
    Preset.FAST: {Loss.NOTHING: 1e-3, Loss.PIXELS: 0.05, Loss.COLOUR: 0.15, Loss.PLACE: 0.05},
    Preset.ACCURATE: {Loss.NOTHING: 1e-3, Loss.PIXELS: 0.05, Loss.COLOUR: 0.05, Loss.PLACE: 0.05},
}
POINT, MM = 72 / 150, 25.4 / 150  # of a pixel of the sample page


@cache
def pipeline_of(preset: Preset) -> DocumentPipeline:
    """Without a pair network, as no dies are compared here."""
    whole = DocumentPipeline.from_preset(preset)
    return DocumentPipeline(whole.detector, whole.segmenter, whole.embedder)


@cache
def sample(preset: Preset) -> DocumentResult:
    """Of the pixels of the sample page: a JPEG may be read in fewer until stamps are found."""
    return analyze(pipeline_of(preset), next(kind for kind in kinds() if kind.name == "PNG"))


@cache
def all_kinds() -> dict[str, Kind]:
    return {kind.name: kind for kind in (*kinds(), stamps_as_annotations(sample(Preset.FAST).pages[0].stamps))}


def runs() -> list[tuple[str, Preset]]:
    """The accurate models take seconds a page, and find the same in the same pixels as the fast ones do."""
    kinds = all_kinds().values()
    return [
        (kind.name, preset)
        for kind in kinds
        for preset in Preset
        if preset is Preset.FAST or kind.loss is not Loss.NOTHING
    ]


@pytest.mark.parametrize(("name", "preset"), runs())
def test_the_same_stamps_are_found_in_the_same_places(name: str, preset: Preset) -> None:
    kind, farthest_px = all_kinds()[name], FARTHEST_PX[preset][all_kinds()[name].loss]
    result = analyze(pipeline_of(preset), kind)
    agreement = compare(kind, result, sample(preset))
    assert (agreement.found, len(agreement.pairs), agreement.same_type) == (STAMPS, STAMPS, STAMPS)
    assert agreement.farthest_px <= farthest_px
    assert agreement.similarity <= SIMILARITY[preset][kind.loss]
    for ours, theirs in agreement.pairs:
        assert ours.source is kind.source
        x1, y1, x2, y2 = theirs.box
        away_mm = 2 * farthest_px * MM + 0.01  # some formats round the resolution
        assert ours.width_mm == pytest.approx((x2 - x1) * MM, abs=away_mm)
        assert ours.height_mm == pytest.approx((y2 - y1) * MM, abs=away_mm)
        if kind.to_user_space is None:
            assert ours.box_points is None
        else:
            assert ours.box_points == pytest.approx(kind.to_user_space(theirs.box), abs=farthest_px * POINT + 0.05)


@pytest.mark.parametrize(
    "name",
    [
        "fax, G4, 204 x 98",
        "JPEG turned by EXIF",
        "PDF cut by /CropBox",
        "PDF in five strips, with text",
        "PDF of text, stamps as annotations",
        "PDF with a password",
    ],
)
def test_the_gateway_answers_for_each_kind_what_the_pipelines_answer(
    services: Running, pipeline: DocumentPipeline, name: str
) -> None:
    kind = all_kinds()[name]
    with Client(services.stack.address("gateway").target, deadline_s=TIMEOUT_S) as client:
        hold_equal(client.analyze(kind.data, password=kind.password), pipeline(kind.data, password=kind.password))
