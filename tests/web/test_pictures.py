"""Pages of documents as pictures."""

import base64
import io

import httpx
from PIL import Image

from tests.web.serving import base64_of, fields, file, lines, page, problem, web


def drawn(row: dict[str, object]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(str(row["jpeg"]))))


async def test_pages_are_drawn_in_order() -> None:
    async with web() as served:
        response = await served.http.post("/v1/pages", files=[file(page(40, 120, 200))])
        by_json = await served.http.post("/v1/pages", json={"document": {"content": base64_of(page(40, 120, 200))}})
    assert response.headers["content-type"].startswith("application/x-ndjson")
    rows = lines(response.text)
    assert [(row["page"], row["page_count"], row["error"]) for row in rows] == [
        (0, 3, None),
        (1, 3, None),
        (2, 3, None),
    ]
    levels = [drawn(row).convert("L").getpixel((50, 50)) for row in rows]
    assert levels == sorted(levels)  # type: ignore[type-var]
    assert abs(levels[0] - 40) < 4  # type: ignore[operator]
    assert lines(by_json.text) == rows


async def test_chosen_pages_are_drawn_no_larger_than_asked_for() -> None:
    async with web() as served:
        data = {"pages": "2-3", "max_side": "64"}
        rows = lines((await served.http.post("/v1/pages", files=[file(page(40, 120, 200))], data=data)).text)
    assert [row["page"] for row in rows] == [1, 2]
    for row in rows:
        assert drawn(row).size == (64, 64)
        assert (row["width"], row["height"]) == (100, 100)


async def test_pages_are_drawn_in_square_pixels() -> None:
    """As a person sees a fax, while boxes count the pixels that it stores."""
    fax = io.BytesIO()
    Image.new("L", (200, 100), 255).save(fax, "TIFF", dpi=(204, 98))
    async with web() as served:
        (row,) = lines((await served.http.post("/v1/pages", files=[file(fax.getvalue())])).text)
    assert (row["width"], row["height"]) == (200, 100)
    width, height = drawn(row).size
    assert abs(height / width - 204 / 98 / 2) < 0.02


async def test_a_page_that_cannot_be_read_loses_no_other() -> None:
    whole = page(40, 120, 200)
    async with web() as served:
        rows = lines((await served.http.post("/v1/pages", files=[file(_damaged(whole))])).text)
    assert [row["error"] is None for row in rows] == [True, False, True]
    assert rows[1]["jpeg"] is None
    assert "damaged" in rows[1]["error"]["detail"]


async def test_what_is_no_document_is_a_problem() -> None:
    async with web() as served:
        text = await served.http.post("/v1/pages", files=[file(b"no picture")])
        beyond = await served.http.post("/v1/pages", files=[file(page())], data={"pages": "9"})
        small = await served.http.post("/v1/pages", files=[file(page())], data={"max_side": "1"})
        two = await served.http.post("/v1/pages", files=[file(page()), file(page())])
        after = await served.http.post("/v1/pages", files=[file(page())])
    assert fields(problem(text, 400)) == ["document"]
    assert fields(problem(beyond, 400)) == ["pages"]
    assert fields(problem(small, 422)) == ["max_side"]
    problem(two, 422)
    assert after.status_code == httpx.codes.OK


def _damaged(tiff: bytes) -> bytes:
    """The second page says that its picture lies beyond the end of the file."""
    with Image.open(io.BytesIO(tiff)) as image:
        image.seek(1)
        offset = image.tag_v2[273][0]  # type: ignore[attr-defined]
    place = tiff.index(offset.to_bytes(4, "little"), 8)
    return tiff[:place] + (len(tiff) + 1000).to_bytes(4, "little") + tiff[place + 4 :]
