"""What programs have laid over a page: seen as a reader of the document sees it, and told apart from ink."""

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from stamp2vec.imaging.formats import Overlay
from stamp2vec.values import Source
from tests.formats.pdfs import Change, annotation, content, form, keys, layered, pdf, read, red_box

PLACE = pytest.approx(tuple(side * 200 / 72 for side in (20, 120, 70, 170)), abs=1.0)  # of `annotation`
PRINT, HIDDEN, NO_VIEW = 4, 2, 32


def signature(flags: int = 4) -> Change:
    return annotation("Widget", flags, FT=Name.Sig, T=pikepdf.String("signature"))


def in_form(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
    document.Root.AcroForm = Dictionary(Fields=Array(list(page.obj.Annots)))


@pytest.mark.parametrize("flags", [None, 0, PRINT, PRINT | NO_VIEW, 1, 64, 128])
def test_a_stamp_on_the_screen_or_in_print_is_seen(flags: int | None) -> None:
    page = read(pdf(annotation(flags=flags)))
    assert red_box(page) == PLACE
    assert [overlay.source for overlay in page.info.overlays] == [Source.ANNOTATION]
    assert page.info.overlays[0].box == PLACE


@pytest.mark.parametrize("flags", [HIDDEN, HIDDEN | PRINT, NO_VIEW, HIDDEN | NO_VIEW | PRINT])
def test_a_stamp_that_nobody_sees_is_not_seen(flags: int) -> None:
    page = read(pdf(annotation(flags=flags)))
    assert red_box(page) is None
    assert page.info.overlays == ()


def test_screen_and_print_on_one_page() -> None:
    def beside(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        annotation(flags=PRINT | NO_VIEW)(document, page)
        page.obj.Annots[1].Rect = Array([120, 30, 170, 80])

    page = read(pdf(annotation(flags=0), beside))
    assert len(page.info.overlays) == 2
    assert red_box(page) == pytest.approx(tuple(side * 200 / 72 for side in (20, 120, 170, 170)), abs=1)


@pytest.mark.parametrize("changes", [(), (in_form,)], ids=["without a form", "in a form"])
@pytest.mark.parametrize("flags", [0, PRINT, PRINT | NO_VIEW])
def test_the_picture_of_a_signature_is_seen(changes: tuple[Change, ...], flags: int) -> None:
    page = read(pdf(signature(flags), *changes))
    assert red_box(page) == PLACE
    assert page.info.overlays == (Overlay(Source.SIGNATURE_FIELD, page.info.overlays[0].box),)
    assert page.info.overlays[0].box == PLACE


@pytest.mark.parametrize("flags", [HIDDEN, NO_VIEW])
def test_a_signature_that_nobody_sees_is_not_seen(flags: int) -> None:
    page = read(pdf(signature(flags), in_form))
    assert (red_box(page), page.info.overlays) == (None, ())


def test_a_signature_whose_field_is_its_parent() -> None:
    def nested(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        field = document.make_indirect(Dictionary(FT=Name.Sig, T=pikepdf.String("parent"), Kids=page.obj.Annots))
        page.obj.Annots[0].Parent = field
        document.Root.AcroForm = Dictionary(Fields=Array([field]))

    page = read(pdf(annotation("Widget"), nested))
    assert red_box(page) == PLACE
    assert [overlay.source for overlay in page.info.overlays] == [Source.SIGNATURE_FIELD]


def test_a_field_that_is_no_signature_is_drawn_and_is_no_overlay() -> None:
    page = read(pdf(annotation("Widget", FT=Name.Btn, Ff=65536, T=pikepdf.String("b")), in_form))
    assert red_box(page) == PLACE
    assert page.info.overlays == ()


@pytest.mark.parametrize("subtype", ["Square", "Circle", "Ink", "FreeText", "Line", "Polygon", "Watermark", "Unknown"])
def test_drawn_annotations_are_overlays(subtype: str) -> None:
    page = read(pdf(annotation(subtype)))
    assert red_box(page) == PLACE
    assert [overlay.source for overlay in page.info.overlays] == [Source.ANNOTATION]


@pytest.mark.parametrize("subtype", ["Highlight", "Underline", "Link", "Text"])
def test_marks_of_text_are_drawn_and_are_no_overlays(subtype: str) -> None:
    page = read(pdf(annotation(subtype)))
    assert red_box(page) == PLACE
    assert page.info.overlays == ()


def test_a_stamp_without_an_appearance_is_told() -> None:
    page = read(pdf(annotation(appearance=False)))
    assert page.info.overlays == ()
    assert "has no appearance in the file" in page.info.warnings[0]


@pytest.mark.parametrize(
    ("policy", "is_on", "is_seen"),
    [
        ("", True, True),
        ("", False, False),
        ("AllOn", True, True),
        ("AllOn", False, False),
        ("AnyOn", False, False),
        ("AnyOff", True, False),
        ("AnyOff", False, True),
        ("AllOff", True, False),
        ("AllOff", False, True),
    ],
)
def test_a_stamp_in_a_layer(policy: str, is_on: bool, is_seen: bool) -> None:
    page = read(pdf(annotation(), layered(is_on, policy)))
    assert (red_box(page) is not None, len(page.info.overlays)) == (is_seen, is_seen)


def test_a_stamp_whose_appearance_is_in_a_hidden_layer() -> None:
    def appearance(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        layer = page.obj.Annots[0].OC
        del page.obj.Annots[0].OC
        page.obj.Annots[0].AP.N.OC = layer

    assert red_box(read(pdf(annotation(), layered(False), appearance))) is None


@pytest.mark.parametrize(("is_on", "is_seen"), [(True, True), (False, False)])
def test_a_layer_of_the_page(is_on: bool, is_seen: bool) -> None:
    def drawn(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        layer = page.obj.Annots[0].OC
        del page.obj.Annots
        content("/OC /L BDC 1 0 0 rg 20 30 50 50 re f EMC", Properties=Dictionary(L=layer))(document, page)

    assert (red_box(read(pdf(annotation(), layered(is_on), drawn))) is not None) == is_seen


@pytest.mark.parametrize("laid", [annotation(), signature()], ids=["stamp", "signature"])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_overlays_of_turned_and_cropped_pages_lie_where_the_stamp_is_drawn(laid: Change, degrees: int) -> None:
    turned = keys(Rotate=degrees, CropBox=[10, 20, 190, 250], UserUnit=1.5)
    page = read(pdf(laid, turned, size=(200, 300), min_version="1.6"))
    assert page.info.overlays[0].box == pytest.approx(red_box(page), abs=1)


def test_an_overlay_beyond_the_page_is_none() -> None:
    page = read(pdf(annotation(), keys(CropBox=[100, 100, 200, 200])))
    assert page.info.overlays == ()


def test_annotations_that_are_looked_at_are_bounded() -> None:
    def many(document: pikepdf.Pdf, page: pikepdf.Page) -> None:
        appearance = form(document)
        page.obj.Annots = Array(
            Dictionary(Type=Name.Annot, Subtype=Name.Stamp, F=4, Rect=[0, 0, 5, 5], AP=Dictionary(N=appearance))
            for _ in range(2_100)
        )

    page = read(pdf(many))
    assert len(page.info.overlays) == 2_000
    assert "more than 2,000 annotations" in page.info.warnings[0]
