"""PDF files without stamps: pictures of every kind, what else is in the file, and what cannot be erased."""

import io
import sys
import zlib
from collections.abc import Mapping
from typing import Any

import img2pdf
import numpy as np
import pikepdf
import pypdfium2
import pytest
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Name
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from stamp2vec.erasing import Mark
from stamp2vec.erasing.pdf import eraser
from stamp2vec.errors import InvalidImage, MissingExtra
from stamp2vec.values import Source
from tests.erasing.sheets import SIDE, coloured, mark, outside, pages, rewritten, saved, sheet

POINTS = SIDE * 72 / 150


def scan(image: Image.Image | None = None, kind: str = "PNG", **options: Any) -> bytes:
    """A page that is one scanned picture at 150 dpi."""
    return bytes(img2pdf.convert(saved(image or sheet("red"), kind, dpi=(150, 150), **options)))


def changed(data: bytes, change: Any, **saving: Any) -> bytes:
    file = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as document:
        change(document)
        document.save(file, **saving)
    return file.getvalue()


def hold_erased(data: bytes, new: bytes, index: int = 0, *, where: NDArray[np.bool_] | None = None) -> None:
    before, after = pages(data), pages(new)
    assert [page.info for page in before] == [page.info for page in after]
    kept = outside() if where is None else where
    np.testing.assert_array_equal(after[index].image[kept], before[index].image[kept])
    assert coloured(after[index].image) <= 0.05 * coloured(before[index].image)
    assert not np.array_equal(after[index].image, before[index].image)
    for number, page in enumerate(before):
        if number != index:
            np.testing.assert_array_equal(after[number].image, page.image)


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "PNG", {}),
        ("RGB", "JPEG", {"quality": 90}),
        ("RGB", "JPEG2000", {}),
        ("L", "JPEG", {"quality": 90}),
        ("L", "PNG", {}),
        ("P", "PNG", {}),
        ("CMYK", "JPEG", {}),
        ("1", "TIFF", {"compression": "group4"}),
    ],
)
def test_a_scan_of_every_kind(mode: str, kind: str, options: Mapping[str, Any]) -> None:
    data = scan(sheet("red").convert(mode, palette=Image.Palette.ADAPTIVE), kind, **options)
    (result,), new, media_type, warnings = rewritten(data)
    assert (result.left < 0.3, media_type, warnings) == (True, "application/pdf", ())
    hold_erased(data, new)


def test_a_jbig2_scan() -> None:
    """One generic region without arithmetic coding, which holds the G4 data of the page (ITU-T T.88)."""
    bits = np.asarray(sheet("red").convert("1"))
    strip = saved(Image.fromarray(bits), "TIFF", compression="group4", strip_size=2**24)
    with Image.open(io.BytesIO(strip)) as stored:
        (offset,), (count,) = stored.tag_v2[273], stored.tag_v2[279]  # type: ignore[attr-defined]
    coded = strip[offset : offset + count]
    size = SIDE.to_bytes(4, "big")
    page_information = bytes([0, 0, 0, 0, 0x30, 0, 1]) + (19).to_bytes(4, "big") + size * 2 + bytes(11)
    region = size * 2 + bytes(9) + bytes([1]) + coded
    segment = bytes([0, 0, 0, 1, 38, 0, 1]) + len(region).to_bytes(4, "big") + region
    data = placed(page_information + segment, Filter=Name.JBIG2Decode, ColorSpace=Name.DeviceGray, BitsPerComponent=1)
    assert (pages(data)[0].image.min(), pages(data)[0].image.max()) == (0, 255)
    _, new, _, _ = rewritten(data)
    before, after = pages(data)[0].image, pages(new)[0].image
    np.testing.assert_array_equal(after[outside()], before[outside()])
    assert not np.array_equal(after, before)


def placed(data: bytes, matrix: str = "", **values: Any) -> bytes:
    """A page with one picture of SIDE x SIDE pixels, whose data are given as they are."""
    document = pikepdf.new()
    page = document.add_blank_page(page_size=(POINTS, POINTS))
    shown = {"ColorSpace": Name.DeviceRGB, "BitsPerComponent": 8, **values}
    picture = pikepdf.Stream(document, data, Type=Name.XObject, Subtype=Name.Image, Width=SIDE, Height=SIDE, **shown)
    page.obj.Resources = Dictionary(XObject=Dictionary(Im=picture))
    page.obj.Contents = document.make_stream(f"q {matrix or f'{POINTS} 0 0 {POINTS} 0 0'} cm /Im Do Q".encode())
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def test_samples_of_a_calibrated_space_keep_it() -> None:
    def calibrate(document: pikepdf.Pdf) -> None:
        picture = document.pages[0].obj.Resources.XObject.Im
        picture.ColorSpace = Array(
            [Name.CalRGB, Dictionary(WhitePoint=Array([0.95, 1, 1.09]), Gamma=Array([1.8, 1.8, 1.8]))]
        )

    data = changed(placed(np.asarray(sheet("red")).tobytes()), calibrate)
    _, new, _, _ = rewritten(data)
    hold_erased(data, new)
    with pikepdf.open(io.BytesIO(new)) as document:
        (name,) = document.pages[0].obj.Resources.XObject.keys()
        assert document.pages[0].obj.Resources.XObject[name].ColorSpace[0] == Name.CalRGB


def test_a_stencil_stays_a_stencil() -> None:
    bits = np.packbits(np.asarray(sheet("red").convert("L")) >= 128, axis=1).tobytes()

    def stencil(document: pikepdf.Pdf) -> None:
        picture = document.pages[0].obj.Resources.XObject.Im
        del picture.ColorSpace
        picture.ImageMask = True

    data = changed(placed(bits, BitsPerComponent=1), stencil)
    _, new, _, _ = rewritten(data)
    before, after = pages(data)[0].image, pages(new)[0].image
    np.testing.assert_array_equal(after[outside()], before[outside()])
    assert (after != before).any()


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_page_that_is_turned(rotation: int) -> None:
    def turn(document: pikepdf.Pdf) -> None:
        document.pages[0].obj.Rotate = rotation

    data = changed(scan(sheet("red").rotate(rotation)), turn)
    _, new, _, _ = rewritten(data)
    hold_erased(data, new)


def test_a_picture_that_is_turned_and_cropped_in_its_page() -> None:
    upside_down = np.asarray(sheet("red").rotate(180)).tobytes()
    data = placed(upside_down, f"{-POINTS} 0 0 {-POINTS} {POINTS} {POINTS}")
    cropped = changed(data, lambda document: document.pages[0].obj.__setitem__("/CropBox", Array([0, 0, POINTS, 160])))
    _, new, _, _ = rewritten(data)
    hold_erased(data, new)
    moved = mark()
    top = SIDE - round(160 * 150 / 72)
    x1, y1, x2, y2 = moved.box
    lower = Mark((x1, max(0, y1 - top), x2, y2 - top), moved.mask[max(0, top - y1) :])
    (result,), new, _, _ = rewritten(cropped, lower)
    assert result.left < 1
    assert pages(new)[0].info == pages(cropped)[0].info


def test_a_picture_that_several_pages_share_changes_on_one() -> None:
    def share(document: pikepdf.Pdf) -> None:
        document.pages.append(document.pages[0])

    data = changed(scan(), share)
    _, new, _, _ = rewritten(data, index=1)
    hold_erased(data, new, 1)


def test_a_picture_in_a_form_that_pages_share() -> None:
    def wrap(document: pikepdf.Pdf) -> None:
        page = document.pages[0]
        form = document.make_stream(
            page.obj.Contents.read_bytes(),
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, POINTS, POINTS]),
            Resources=page.obj.Resources,
        )
        page.obj.Resources = Dictionary(XObject=Dictionary(Fm=form))
        page.obj.Contents = document.make_stream(b"/Fm Do")
        document.pages.append(page)

    data = changed(placed(np.asarray(sheet("red")).tobytes()), wrap)
    _, new, _, _ = rewritten(data)
    hold_erased(data, new)


def searchable() -> bytes:
    """A scan with an invisible text layer, a bookmark, a title and a link."""
    file = io.BytesIO()
    canvas = Canvas(file, (POINTS, POINTS))
    canvas.setTitle("a title")
    canvas.drawImage(ImageReader(sheet("red")), 0, 0, POINTS, POINTS)
    text = canvas.beginText(20, 100)
    text.setTextRenderMode(3)
    text.textLine("what was read of it")
    canvas.drawText(text)
    canvas.bookmarkPage("here")
    canvas.addOutlineEntry("a bookmark", "here")
    canvas.linkURL("https://example.org", (0, 0, 20, 20))
    canvas.save()
    return file.getvalue()


def test_text_bookmarks_title_and_links_stay() -> None:
    data = searchable()
    _, new, _, _ = rewritten(data)
    hold_erased(data, new)
    document = pypdfium2.PdfDocument(new)
    assert "what was read of it" in document[0].get_textpage().get_text_range()
    assert [entry.get_title() for entry in document.get_toc()] == ["a bookmark"]
    assert document.get_metadata_dict()["Title"] == "a title"
    with pikepdf.open(io.BytesIO(new)) as changed_file:
        assert changed_file.pages[0].obj.Annots[0].A.URI == "https://example.org"
        old = pikepdf.open(io.BytesIO(data))
        assert changed_file.pages[0].obj.Contents.read_bytes() == old.pages[0].obj.Contents.read_bytes()


@pytest.mark.parametrize("password", ["secret", ""])
def test_an_encrypted_file_stays_encrypted(password: str) -> None:
    protection = pikepdf.Encryption(owner="owner", user=password, R=6, allow=pikepdf.Permissions(extract=False))
    data = changed(scan(), lambda _: None, encryption=protection)
    _, new, _, _ = rewritten(data, password=password or None)
    with pikepdf.open(io.BytesIO(new), password=password) as document:
        assert document.is_encrypted
        assert not document.allow.extract
    if password:
        with pytest.raises(pikepdf.PasswordError):
            pikepdf.open(io.BytesIO(new))
    before, after = pages(data, password or None)[0].image, pages(new, password or None)[0].image
    np.testing.assert_array_equal(after[outside()], before[outside()])
    assert coloured(after) < 0.05 * coloured(before)


def test_what_was_there_before_the_last_revision_is_gone() -> None:
    data = scan()
    trailer = data.rindex(b"startxref")
    revision = data + b"\n1 0 obj\n" + data[data.index(b"1 0 obj") + 8 : data.index(b"endobj")] + b"endobj\n"
    revision += data[trailer:]
    _, new, _, _ = rewritten(revision)
    assert new.count(b"%%EOF") == 1


def test_a_signed_file_is_told_to_be_signed_no_more() -> None:
    def sign(document: pikepdf.Pdf) -> None:
        field = document.make_indirect(
            Dictionary(FT=Name.Sig, T=pikepdf.String("s"), V=Dictionary(Type=Name.Sig, Contents=pikepdf.String("x")))
        )
        document.Root.AcroForm = Dictionary(Fields=Array([field]), SigFlags=3)

    data = changed(scan(), sign)
    _, new, _, warnings = rewritten(data)
    assert len(warnings) == 1
    assert "signed" in warnings[0]
    hold_erased(data, new)
    nothing = mark(np.zeros((SIDE, SIDE), np.uint8))
    _, same, _, none = rewritten(data, nothing)
    assert (same, none) == (data, ())


def with_annotation(**more: Any) -> bytes:
    def lay(document: pikepdf.Pdf) -> None:
        page = document.pages[0]
        appearance = document.make_stream(
            b"0.8 0.1 0.1 rg 0 0 60 60 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 60, 60])
        )
        values = {"Subtype": Name.Stamp, "Rect": Array([40, 50, 100, 110]), "F": 4, **more}
        note = document.make_indirect(Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9])))
        stamp = document.make_indirect(Dictionary(Type=Name.Annot, AP=Dictionary(N=appearance), **values))
        page.obj.Annots = Array([note, stamp])

    return changed(scan(sheet()), lay)


def laid(source: Source) -> Mark:
    box = (83, 131, 209, 257)  # of the annotation, at 150 dpi
    full = np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8)
    return Mark(box, full, source, (40.0, 50.0, 100.0, 110.0))


def test_a_stamp_that_is_an_annotation_is_removed() -> None:
    data = with_annotation()
    assert coloured(pages(data)[0].image) > 10_000
    (result,), new, _, _ = rewritten(data, laid(Source.ANNOTATION))
    assert result.left == 0
    np.testing.assert_array_equal(pages(new)[0].image, pages(scan(sheet()))[0].image)
    with pikepdf.open(io.BytesIO(new)) as document:
        assert [str(each.Subtype) for each in document.pages[0].obj.Annots] == ["/Link"]


def test_the_appearance_of_a_signature_is_left_to_pdf_programs() -> None:
    data = with_annotation()
    (result,), new, _, _ = rewritten(data, laid(Source.SIGNATURE_FIELD))
    assert (result.left, new) == (1, data)
    assert "digital signature" in result.reason


def drawn_over(text: str) -> bytes:
    def draw(document: pikepdf.Pdf) -> None:
        page = document.pages[0]
        page.contents_add(document.make_stream(text.encode()))

    return changed(scan(sheet()), draw)


def test_what_is_drawn_and_no_picture_is_kept_with_a_reason() -> None:
    ring = f"0.8 0.1 0.1 RG 5 w {POINTS / 2} {POINTS * 0.6:.1f} m {POINTS * 0.3:.1f} 0 l S"
    data = drawn_over("0.8 0.1 0.1 rg 40 50 80 90 re f " + ring)
    drawn = Mark((90, 80, 240, 250), np.full((170, 150), 255, np.uint8))
    (result,), new, _, _ = rewritten(data, drawn)
    assert (result.left, new) == (1, data)
    assert "something else is drawn over" in result.reason


def test_a_page_without_pictures_keeps_its_stamp_with_a_reason() -> None:
    file = io.BytesIO()
    canvas = Canvas(file, (POINTS, POINTS))
    canvas.setStrokeColorRGB(0.8, 0.1, 0.1)
    canvas.circle(80, 90, 40)
    canvas.save()
    data = file.getvalue()
    (result,), new, _, _ = rewritten(data)
    assert (result.left, new) == (1, data)
    assert "lies in no picture" in result.reason


def test_a_transparent_picture_is_kept_with_a_reason() -> None:
    def mask(document: pikepdf.Pdf) -> None:
        picture = document.pages[0].obj.Resources.XObject.Im
        picture.SMask = pikepdf.Stream(
            document,
            zlib.compress(bytes([200]) * SIDE * SIDE),
            Subtype=Name.Image,
            Width=SIDE,
            Height=SIDE,
            ColorSpace=Name.DeviceGray,
            BitsPerComponent=8,
            Filter=Name.FlateDecode,
        )

    data = changed(placed(np.asarray(sheet("red")).tobytes()), mask)
    (result,), _, _, _ = rewritten(data)
    assert result.left == 1
    assert "transparent" in result.reason


@pytest.mark.parametrize("damage", ["contents", "resources", "picture"])
def test_damage_is_a_reason(damage: str) -> None:
    def harm(document: pikepdf.Pdf) -> None:
        page = document.pages[0].obj
        if damage == "contents":
            page.Contents = document.make_stream(b"q [ ( << cm /Im Do " * 50)
        elif damage == "resources":
            page.Resources = Dictionary(XObject=pikepdf.String("none"))
        else:
            page.Resources.XObject.Im.write(b"no data", filter=Name.DCTDecode)

    data = changed(placed(np.asarray(sheet("red")).tobytes()), harm)
    (result,), new, _, _ = rewritten(data)
    assert (result.left, new) == (1, data)
    assert result.reason


def test_a_form_that_draws_itself_ends() -> None:
    def loop(document: pikepdf.Pdf) -> None:
        form = document.make_stream(b"/Fm Do", Subtype=Name.Form, BBox=Array([0, 0, 10, 10]))
        form.Resources = Dictionary(XObject=Dictionary(Fm=form))
        page = document.pages[0]
        page.obj.Resources.XObject.Fm = form
        page.contents_add(document.make_stream(b"/Fm Do"))

    data = changed(placed(np.asarray(sheet("red")).tobytes()), loop)
    _, new, _, _ = rewritten(data)
    hold_erased(data, new)


def test_a_page_of_thousands_of_pictures_is_refused() -> None:
    def repeat(document: pikepdf.Pdf) -> None:
        page = document.pages[0]
        page.obj.Contents = document.make_stream(b"q 9 0 0 9 0 0 cm " + b"/Im Do " * 2001 + b"Q")

    with pytest.raises(InvalidImage, match="more than 2,000 pictures"):
        rewritten(changed(placed(np.asarray(sheet("red")).tobytes()), repeat))


def test_pages_of_which_qpdf_counts_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = pikepdf.open(io.BytesIO(bytes(img2pdf.convert([saved(sheet(), "PNG")] * 2))))
    monkeypatch.setattr(eraser, "_open", lambda source, password: other)
    with pytest.raises(InvalidImage, match="damaged"):
        rewritten(scan())


def test_without_its_extra_a_pdf_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stamp2vec.erasing.pdf", None)
    with pytest.raises(MissingExtra, match=r"pip install 'stamp2vec\[erase\]'"):
        rewritten(scan())
