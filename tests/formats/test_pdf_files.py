"""PDF files as wholes: passwords, damage, page counts, and kinds that hold more than their pages."""

import io
import re
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String
from PIL import Image, PngImagePlugin

from stamp2vec.errors import InvalidImage
from stamp2vec.imaging.formats import BrokenPage, Limits, decode_pages, open_file
from stamp2vec.imaging.formats.pdf import repair
from tests.formats.pdfs import annotation, file_warnings, keys, pdf, read, red_box

UNPACKED: dict[str, Any] = {"object_stream_mode": pikepdf.ObjectStreamMode.disable}


def encrypted(owner: str, user: str, revision: int) -> bytes:
    strong = revision >= 4
    keys_ = pikepdf.Encryption(owner=owner, user=user, R=revision, aes=strong, metadata=strong)  # type: ignore[arg-type]
    return pdf(annotation(), keys(UserUnit=2), encryption=keys_)


@pytest.mark.parametrize("revision", [2, 3, 4, 6])
class TestPasswords:
    @pytest.mark.parametrize("password", ["user", "owner"])
    def test_either_password_opens(self, revision: int, password: str) -> None:
        page = read(encrypted("owner", "user", revision), password=password)
        assert red_box(page) is not None
        assert page.info.resolution is not None
        assert page.image.shape == (1111, 1111, 3)  # UserUnit is read through the encryption

    @pytest.mark.parametrize(
        ("password", "message"),
        [(None, "send the password with it"), ("", "send the password with it"), ("x", "does not")],
    )
    def test_without_it_the_error_says_what_to_send(self, revision: int, password: str | None, message: str) -> None:
        with pytest.raises(InvalidImage, match=message) as caught:
            read(encrypted("owner", "user", revision), password=password)
        assert caught.value.field == "document"

    @pytest.mark.parametrize("password", [None, "needless"])
    def test_what_is_protected_against_changes_only_opens(self, revision: int, password: str | None) -> None:
        assert red_box(read(encrypted("owner", "", revision), password=password)) is not None


def test_a_password_of_other_letters() -> None:
    assert red_box(read(encrypted("o", "пароль", 6), password="пароль")) is not None


def test_certificate_security_asks_for_a_copy_without() -> None:
    data = pdf(keys(), **UNPACKED)
    protected = b"9 0 obj<</Filter/Adobe.PubSec/V 2/Length 128/SubFilter/adbe.pkcs7.s4/Recipients[]>>endobj\ntrailer <<"
    changed = data.replace(b"trailer <<", protected + b" /Encrypt 9 0 R ", 1)
    with pytest.raises(InvalidImage, match="send a copy without protection"):
        read(changed)


@pytest.mark.parametrize("length", [0, 1_000, 1_148, 200_000])
def test_what_a_mail_puts_before_the_file_is_passed(length: int) -> None:
    head = (b"Subject: your scan\r\n" * (length // 20 + 1))[:length]
    assert red_box(read(head + pdf(annotation()))) is not None


@pytest.mark.parametrize("tail", [bytes(5_000), b"<html>not found</html>", b"\r\n\r\n"])
def test_what_follows_the_file_is_passed_without_a_warning(tail: bytes) -> None:
    data = pdf(annotation()) + tail
    assert file_warnings(data) == ()
    assert red_box(read(data)) is not None


def test_a_picture_that_quotes_a_pdf_is_a_picture() -> None:
    quote, file = PngImagePlugin.PngInfo(), io.BytesIO()
    quote.add_text("made from", "%PDF-1.7")
    Image.new("RGB", (40, 30)).save(file, "PNG", pnginfo=quote)
    assert read(file.getvalue()).image.shape == (30, 40, 3)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_file_that_is_cut_short_says_so(share: float) -> None:
    data = pdf(annotation(), pages=3, **UNPACKED)
    with pytest.raises(InvalidImage, match="cut short: send the whole file"):
        read(data[: int(len(data) * share)])


def test_a_file_without_pages_is_an_error() -> None:
    with pytest.raises(InvalidImage, match="has no pages"):
        read(pdf(pages=0))


def stamped_later() -> tuple[bytes, bytes]:
    """A file, and what adds a stamp to its page as a second revision."""
    first = pdf(keys(), **UNPACKED)
    number = int(re.findall(rb"(\d+) 0 obj\s*<<(?:(?!endobj).)*/Type /Page\b", first, re.DOTALL)[0])
    body = re.findall(rb"%d 0 obj\s*<<(.*?)>>\s*endobj" % number, first, re.DOTALL)[0]
    form = b"90 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 21>>stream\n"
    form += b"1 0 0 rg 0 0 9 9 re f\nendstream endobj\n"
    stamp = b"<</Type/Annot/Subtype/Stamp/F 4/Rect[20 30 70 80]/AP<</N 90 0 R>>>>"
    page = b"%d 0 obj<<%s/Annots[%s]>>endobj\n" % (number, body, stamp)
    start = len(first)
    table = b"xref\n%d 1\n%010d 00000 n \n90 1\n%010d 00000 n \n" % (number, start + len(form), start)
    previous = re.findall(rb"startxref\s+(\d+)", first)[-1]
    root = re.findall(rb"/Root (\d+ 0 R)", first)[-1]
    end = b"trailer<</Size 91/Root %s/Prev %s>>\nstartxref\n%d\n%%%%EOF\n" % (
        root,
        previous,
        start + len(form) + len(page),
    )
    return first, form + page + table + end


def test_a_revision_that_is_whole_is_read() -> None:
    data = b"".join(stamped_later())
    assert file_warnings(data) == ()
    assert red_box(read(data)) is not None


@pytest.mark.parametrize("share", [0.4, 0.7, 0.9])
def test_a_revision_that_is_cut_short_is_told(share: float) -> None:
    first, second = stamped_later()
    data = first + second[: int(len(second) * share)]
    assert "cut short in what was added last" in file_warnings(data)[0]
    assert red_box(read(data)) is None


def with_count(count: int) -> bytes:
    data = pdf(pages=3, **UNPACKED)
    assert b"/Count 3" in data
    return data.replace(b"/Count 3", b"/Count %d" % count)


@pytest.mark.parametrize("count", [5, 1_000_000])
def test_pages_that_are_claimed_and_not_there_are_not_counted(count: int) -> None:
    pages = list(decode_pages(with_count(count)))
    assert not any(isinstance(page, BrokenPage) for page in pages)
    assert len(pages) == 3
    assert f"says that it has {count:,} pages and holds 3" in file_warnings(with_count(count))[0]


@pytest.mark.parametrize("count", [0, -1, 2_000_000_000])
def test_an_absurd_count_is_passed_over(count: int) -> None:
    assert len(list(decode_pages(with_count(count)))) == 3
    assert file_warnings(with_count(count)) == ()


@pytest.mark.parametrize("protection", [{}, {"encryption": pikepdf.Encryption(owner="o", user="")}])
def test_pages_beyond_the_count_are_read_and_told(protection: dict[str, Any]) -> None:
    with pikepdf.open(io.BytesIO(pdf(annotation(), pages=3))) as document:
        document.pages.reverse()
        file = io.BytesIO()
        document.save(file, **UNPACKED, **protection)
    data = file.getvalue().replace(b"/Count 3", b"/Count 1")
    pages = [page for page in decode_pages(data) if not isinstance(page, BrokenPage)]
    assert [red_box(page) is not None for page in pages] == [False, False, True]
    assert "says that it has 1 pages and holds 3, of which 3 can be read" in file_warnings(data)[0]


def test_pages_beyond_the_count_of_a_large_file_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "MAX_BYTES", 100)
    first, second, third = decode_pages(with_count(1))
    assert not isinstance(first, BrokenPage)
    assert isinstance(second, BrokenPage)
    assert isinstance(third, BrokenPage)
    assert "of which 1 can be read" in file_warnings(with_count(1))[0]


def test_a_page_that_is_missing_costs_no_other() -> None:
    data = pdf(pages=3, **UNPACKED)
    kids = re.findall(rb"/Kids \[ (\d+ 0 R) (\d+ 0 R) (\d+ 0 R) \]", data)[0]
    first, second, third = decode_pages(data.replace(kids[1], b"null".ljust(len(kids[1])), 1))
    assert not isinstance(first, BrokenPage)
    assert isinstance(second, BrokenPage)
    assert "page 2 of the PDF is damaged or missing" in str(second.error)
    assert not isinstance(third, BrokenPage)


def test_page_labels() -> None:
    def labelled(document: pikepdf.Pdf, _: pikepdf.Page) -> None:
        roman, annex = Dictionary(S=Name.r, St=4), Dictionary(S=Name.D, P=String("A-"), St=3)
        document.Root.PageLabels = Dictionary(Nums=Array([0, roman, 1, annex]))

    assert [read(pdf(labelled, pages=3), index).info.label for index in range(3)] == ["iv", "A-3", "A-4"]
    assert read(pdf()).info.label == ""


def test_a_portfolio_says_where_the_documents_are() -> None:
    def collection(document: pikepdf.Pdf, _: pikepdf.Page) -> None:
        document.Root.Collection = Dictionary(Type=Name.Collection)

    assert "portfolio" in file_warnings(pdf(collection))[0]


@pytest.mark.parametrize(("is_dynamic", "is_told"), [(True, True), (False, False)])
def test_a_form_that_only_one_viewer_draws_is_told(is_dynamic: bool, is_told: bool) -> None:
    def xfa(document: pikepdf.Pdf, _: pikepdf.Page) -> None:
        form = Dictionary(Fields=Array([]), XFA=document.make_stream(b"<xdp/>"))
        document.Root.AcroForm = document.make_indirect(form)
        if is_dynamic:
            document.Root.NeedsRendering = True

    assert any("XFA" in warning for warning in file_warnings(pdf(xfa))) == is_told


def test_more_bytes_than_allowed_are_refused() -> None:
    with pytest.raises(InvalidImage, match="100 is the most"):
        open_file(io.BytesIO(pdf()), Limits(max_bytes=100))
